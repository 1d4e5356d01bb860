package lambdad.runtime;

import java.io.ByteArrayOutputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetSocketAddress;
import java.net.Proxy;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Map;
import java.util.TreeMap;

/** One connection to an HTTP server, which stays open from one request to the next. */
final class HttpConnection implements AutoCloseable {
    private static final int BUFFER_SIZE = 65536;
    private static final int SMALL = 16384;
    private static final int FIRST_FINAL = 200; // of a lower status another answer is to come

    private final String host;
    private final int port;
    private final byte[] buffer = new byte[BUFFER_SIZE];

    private Socket socket;
    private InputStream input;
    private OutputStream output;
    private int start;
    private int end;

    HttpConnection(String address) {
        int colon = address.lastIndexOf(':');
        host = colon < 0 ? address : address.substring(0, colon);
        port = colon < 0 ? 80 : Integer.parseInt(address.substring(colon + 1));
    }

    /** Whether the next request goes over a connection that was there before. */
    boolean isOpen() {
        return socket != null;
    }

    /** Send a request, whose `head` ends with an empty line, and give its answer. */
    HttpAnswer exchange(String head, byte[] body) throws IOException {
        if (!isOpen()) {
            open();
        }
        try {
            send(head.getBytes(StandardCharsets.ISO_8859_1), body);
            HttpAnswer answer = read();
            if ("close".equalsIgnoreCase(answer.headers.get("Connection"))) {
                close();
            }
            return answer;
        } catch (IOException error) {
            close();
            throw error;
        }
    }

    private void open() throws IOException {
        socket = new Socket(Proxy.NO_PROXY); // the function's settings for proxies are not for us
        socket.connect(new InetSocketAddress(host, port));
        socket.setTcpNoDelay(true);
        input = socket.getInputStream();
        output = socket.getOutputStream();
        start = 0;
        end = 0;
    }

    @Override
    public void close() throws IOException {
        if (isOpen()) {
            socket.close();
            socket = null;
        }
    }

    /** What is small goes out in one piece. */
    private void send(byte[] head, byte[] body) throws IOException {
        if (body.length > SMALL) {
            output.write(head);
            output.write(body);
            return;
        }
        byte[] request = Arrays.copyOf(head, head.length + body.length);
        System.arraycopy(body, 0, request, head.length, body.length);
        output.write(request);
    }

    private HttpAnswer read() throws IOException {
        int status;
        Map<String, String> headers;
        do {
            status = Integer.parseInt(line().split(" ", 3)[1]);
            headers = fields();
        } while (status < FIRST_FINAL);
        return new HttpAnswer(status, headers, body(headers));
    }

    /** The fields of a head, or behind the last chunk, up to the empty line. */
    private Map<String, String> fields() throws IOException {
        Map<String, String> fields = new TreeMap<>(String.CASE_INSENSITIVE_ORDER);
        for (String line = line(); !line.isEmpty(); line = line()) {
            int colon = line.indexOf(':');
            fields.put(line.substring(0, colon), line.substring(colon + 1).trim());
        }
        return fields;
    }

    private byte[] body(Map<String, String> headers) throws IOException {
        if ("chunked".equalsIgnoreCase(headers.get("Transfer-Encoding"))) {
            return chunks();
        }
        return bytes(Integer.parseInt(headers.getOrDefault("Content-Length", "0")));
    }

    private byte[] chunks() throws IOException {
        ByteArrayOutputStream body = new ByteArrayOutputStream();
        for (int size = chunkSize(); size > 0; size = chunkSize()) {
            body.write(bytes(size));
            line(); // what ends the chunk
        }
        fields();
        return body.toByteArray();
    }

    /** What stands behind a semicolon is not for us. */
    private int chunkSize() throws IOException {
        return Integer.parseInt(line().split(";", 2)[0].trim(), 16);
    }

    private String line() throws IOException {
        int searched = start;
        while (true) {
            for (; searched < end; searched++) {
                if (buffer[searched] == '\n') {
                    int size = searched - start;
                    String line = new String(buffer, start, size, StandardCharsets.UTF_8);
                    start = searched + 1;
                    return line.stripTrailing();
                }
            }
            searched -= start;
            fill();
            searched += start;
        }
    }

    /** Read on behind what is not used yet, which moves to the front. */
    private void fill() throws IOException {
        System.arraycopy(buffer, start, buffer, 0, end - start);
        end -= start;
        start = 0;
        int size = input.read(buffer, end, buffer.length - end);
        if (size <= 0) {
            throw new EOFException("The Runtime API closed the connection");
        }
        end += size;
    }

    private byte[] bytes(int length) throws IOException {
        byte[] bytes = new byte[length];
        int size = Math.min(length, end - start);
        System.arraycopy(buffer, start, bytes, 0, size);
        start += size;
        if (input.readNBytes(bytes, size, length - size) < length - size) {
            throw new EOFException("The Runtime API closed the connection");
        }
        return bytes;
    }
}
