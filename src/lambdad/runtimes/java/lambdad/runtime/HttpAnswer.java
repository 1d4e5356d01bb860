package lambdad.runtime;

import java.nio.charset.StandardCharsets;
import java.util.Map;

/** What a server answers; names of headers are found in whatever case they came. */
final class HttpAnswer {
    final int status;
    final Map<String, String> headers;
    final byte[] body;

    HttpAnswer(int status, Map<String, String> headers, byte[] body) {
        this.status = status;
        this.headers = headers;
        this.body = body;
    }

    boolean isSuccess() {
        return status >= 200 && status < 300;
    }

    String text() {
        return new String(body, StandardCharsets.UTF_8);
    }
}
