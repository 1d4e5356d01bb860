package lambdad.runtime;

import java.io.IOException;
import java.nio.charset.StandardCharsets;

/** The Runtime API as a runtime sees it. */
final class RuntimeApi implements AutoCloseable {
    private static final String RUNTIME = "/2018-06-01/runtime";
    private static final byte[] NOTHING = {};
    private static final int ALWAYS_TAKEN = 65536;
    private static final int TOO_LARGE = 413;

    private final HttpConnection connection;
    private final String host;

    RuntimeApi(String address) {
        connection = new HttpConnection(address);
        host = " HTTP/1.1\r\nHost: " + address + "\r\n";
    }

    /** Wait until there is an event. */
    Invocation next() throws IOException {
        HttpAnswer answer = askForNext("GET " + RUNTIME + "/invocation/next" + host + "\r\n");
        if (answer.status != 200) {
            throw new IOException("The Runtime API gave no event, but status " + answer.status);
        }
        return new Invocation(answer);
    }

    /** An old connection may have been closed meanwhile. */
    private HttpAnswer askForNext(String head) throws IOException {
        boolean isOld = connection.isOpen();
        try {
            return connection.exchange(head, NOTHING);
        } catch (IOException error) {
            if (!isOld) {
                throw error;
            }
            return connection.exchange(head, NOTHING);
        }
    }

    /** The handler is done. */
    void respond(String requestId, byte[] response) throws IOException {
        post("/invocation/" + requestId + "/response", "", response, "success");
    }

    /** The handler failed. */
    void fail(String requestId, Failure failure) throws IOException {
        post("/invocation/" + requestId + "/error", failure, "failure");
    }

    /** The function could not be loaded; the process must end after this. */
    void failInit(Failure failure) throws IOException {
        post("/init/error", failure, "init error");
    }

    @Override
    public void close() throws IOException {
        connection.close();
    }

    private void post(String path, Failure failure, String subject) throws IOException {
        String fields = "Lambda-Runtime-Function-Error-Type: " + failure.platformType() + "\r\n";
        String cause = failure.toXrayCause();
        if (!cause.isEmpty()) {
            fields += "Lambda-Runtime-Function-XRay-Error-Cause: " + cause + "\r\n";
        }
        post(path, fields, failure.toJson().getBytes(StandardCharsets.UTF_8), subject);
    }

    private void post(String path, String fields, byte[] body, String subject) throws IOException {
        String head =
                "POST " + RUNTIME + path + host
                        + "Content-Type: application/json\r\n"
                        + "Content-Length: " + body.length + "\r\n"
                        + fields + "\r\n";
        HttpAnswer answer;
        try {
            answer = connection.exchange(head, body);
        } catch (IOException error) {
            if (body.length <= ALWAYS_TAKEN) {
                throw error;
            }
            return; // refused halfway; the server knows what it refused
        }
        check(answer, subject);
    }

    private static void check(HttpAnswer answer, String subject) throws IOException {
        if (answer.isSuccess()) {
            return;
        }
        System.err.printf(
                "The Runtime API did not take the handler's %s: status %d. %s%n",
                subject, answer.status, answer.text());
        if (answer.status != TOO_LARGE) {
            // Of what is too large the caller of the function is told by the server.
            throw new IOException("The Runtime API did not take the response");
        }
    }
}
