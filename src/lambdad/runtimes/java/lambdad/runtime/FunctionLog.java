package lambdad.runtime;

import com.amazonaws.services.lambda.runtime.LambdaLogger;
import com.amazonaws.services.lambda.runtime.LambdaRuntime;
import com.amazonaws.services.lambda.runtime.logging.LogFormat;
import com.amazonaws.services.lambda.runtime.logging.LogLevel;
import java.lang.reflect.Field;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.LinkedHashMap;
import java.util.Map;
import lambdad.json.JsonWriter;

/** The function's logger: messages in text as they are, or as JSON objects. */
final class FunctionLog implements LambdaLogger {
    private static final byte[] NULL = "null".getBytes(StandardCharsets.UTF_8);

    private final LogSink sink;
    private final boolean isJson;
    private final LogLevel lowest;
    private volatile Invocation current;

    FunctionLog(Map<String, String> variables, LogSink sink) {
        this.sink = sink;
        isJson = LogFormat.fromString(variables.get("AWS_LAMBDA_LOG_FORMAT")) == LogFormat.JSON;
        lowest = LogLevel.fromString(variables.get("AWS_LAMBDA_LOG_LEVEL"));
    }

    /** Make it the logger of code that has no context. */
    void publish() {
        try {
            Field logger = LambdaRuntime.class.getDeclaredField("logger");
            logger.setAccessible(true);
            logger.set(null, this);
        } catch (ReflectiveOperationException error) {
            throw new IllegalStateException("LambdaRuntime has no logger", error);
        }
    }

    /** From now on messages belong to this invocation. */
    void begin(Invocation invocation) {
        current = invocation;
    }

    /** Log an error that ends the invocation, or the Init phase. */
    void log(Failure failure) {
        log(failure.toLogText(), isJson ? LogLevel.ERROR : LogLevel.UNDEFINED);
    }

    @Override
    public void log(String message) {
        log(message, LogLevel.UNDEFINED);
    }

    @Override
    public void log(byte[] message) {
        log(message, LogLevel.UNDEFINED);
    }

    @Override
    public void log(String message, LogLevel level) {
        if (isShown(level)) {
            String formatted = isJson ? toJson(message, level) : toText(message, level);
            sink.write(formatted.getBytes(StandardCharsets.UTF_8), level, isJson);
        }
    }

    @Override
    public void log(byte[] message, LogLevel level) {
        if (isShown(level)) {
            sink.write(message == null ? NULL : message, level, isJson);
        }
    }

    private boolean isShown(LogLevel level) {
        return level == LogLevel.UNDEFINED || level.compareTo(lowest) >= 0;
    }

    private static String toText(String message, LogLevel level) {
        return level == LogLevel.UNDEFINED ? String.valueOf(message) : "[" + level + "] " + message;
    }

    private String toJson(String message, LogLevel level) {
        Map<String, Object> fields = new LinkedHashMap<>();
        fields.put("timestamp", timestamp());
        fields.put("message", message);
        fields.put("level", level);
        Invocation invocation = current;
        if (invocation != null) {
            fields.put("AWSRequestId", invocation.requestId);
            if (invocation.tenantId != null) {
                fields.put("tenantId", invocation.tenantId);
            }
        }
        return JsonWriter.write(fields);
    }

    /** With three digits, even where they are zero. */
    private static String timestamp() {
        Instant now = Instant.now().truncatedTo(ChronoUnit.MILLIS);
        String text = now.toString();
        return now.getNano() == 0 ? text.replace("Z", ".000Z") : text;
    }
}
