package lambdad.runtime;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.charset.StandardCharsets;

/** A Runtime API for the rehearsal, whose events are all the same. */
final class PlayedApi implements AutoCloseable {
    private static final byte[] ACCEPTED =
            bytes("HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n");
    private static final String INVOCATION =
            "HTTP/1.1 200 OK\r\n"
                    + "Content-Type: application/json\r\n"
                    + "Lambda-Runtime-Aws-Request-Id: 8476a536-e9f4-11e8-9739-2dfe598c3fcd\r\n"
                    + "Lambda-Runtime-Deadline-Ms: 9999999999999\r\n"
                    + "Lambda-Runtime-Invoked-Function-Arn: arn:aws:lambda:::function:f\r\n"
                    + "Lambda-Runtime-Client-Context: {\"custom\": {\"a\": \"b\"}}\r\n";

    private final ServerSocket listener;
    private final byte[] event;
    private final Thread thread = new Thread(this::serve);

    PlayedApi(String event) throws IOException {
        String size = "Content-Length: " + event.length() + "\r\n\r\n";
        this.event = bytes(INVOCATION + size + event);
        listener = new ServerSocket(0, 1, InetAddress.getLoopbackAddress());
        thread.start();
    }

    String address() {
        return "127.0.0.1:" + listener.getLocalPort();
    }

    /** A request is read in one piece, as it was written. */
    private void serve() {
        byte[] request = new byte[65536];
        try (Socket connection = listener.accept()) {
            connection.setTcpNoDelay(true);
            InputStream input = connection.getInputStream();
            OutputStream output = connection.getOutputStream();
            while (input.read(request) > 0) {
                output.write(request[0] == 'G' ? event : ACCEPTED);
            }
        } catch (IOException error) {
            return; // the rehearsal is over
        }
    }

    /** It ends when its only connection does. */
    @Override
    public void close() throws IOException {
        listener.close();
        try {
            thread.join();
        } catch (InterruptedException error) {
            Thread.currentThread().interrupt();
        }
    }

    private static byte[] bytes(String text) {
        return text.getBytes(StandardCharsets.US_ASCII);
    }
}
