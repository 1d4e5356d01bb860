package example;

import com.amazonaws.services.lambda.runtime.Context;
import com.amazonaws.services.lambda.runtime.RequestHandler;
import com.amazonaws.services.lambda.runtime.logging.LogLevel;
import java.io.IOException;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.nio.ByteBuffer;
import java.nio.charset.Charset;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyStore;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TimeZone;
import javax.net.ssl.TrustManager;
import javax.net.ssl.TrustManagerFactory;
import javax.net.ssl.X509TrustManager;

/** Does what its event says, as the functions of the other languages do. */
public class Conformance implements RequestHandler<Map<String, Object>, Object> {
    private static final int PIECE = 8 << 20;
    private static final int PAGE = 4096;

    private static final List<ByteBuffer> HELD = new ArrayList<>();

    private static int count;

    /** An error of the function's own. */
    static class NoSuchLuck extends RuntimeException {
        NoSuchLuck(String message) {
            super(message);
        }
    }

    @Override
    public Object handleRequest(Map<String, Object> event, Context context) {
        count++;
        try {
            return answer((String) event.get("do"), event, context);
        } catch (RuntimeException error) {
            throw error;
        } catch (Exception error) {
            throw new IllegalStateException(error);
        }
    }

    private static Object answer(String what, Map<String, Object> event, Context context)
            throws Exception {
        switch (what) {
            case "echo":
                return event.get("value");
            case "context":
                return context(context);
            case "count":
                return count;
            case "environment":
                return environment((List<?>) event.get("names"));
            case "big":
                return "x".repeat((int) event.get("size"));
            case "size":
                return ((String) event.get("text")).length();
            case "fail":
                return troublemaker((String) event.get("message"));
            case "custom":
                throw new NoSuchLuck((String) event.get("message"));
            case "sleep":
                Thread.sleep((int) event.get("ms"));
                return "slept";
            case "allocate":
                return allocate((int) event.get("mb"));
            case "exit":
                System.exit((int) event.get("status"));
                return null;
            case "print":
                ((List<?>) event.get("lines")).forEach(System.out::println);
                return "printed";
            case "log":
                LogLevel level = LogLevel.fromString((String) event.get("level"));
                context.getLogger().log((String) event.get("message"), level);
                return "logged";
            case "unserializable":
                return circle();
            case "files":
                return files();
            case "clock":
                return clock();
            case "text":
                return text((String) event.get("text"));
            case "resolve":
                return resolve((String) event.get("host"));
            case "tls":
                return authorities();
            case "child":
                return child((String) event.getOrDefault("command", "echo $NAME"));
            case "sigterm":
                Thread goodbye = new Thread(() -> System.out.println("goodbye"));
                Runtime.getRuntime().addShutdownHook(goodbye);
                return "ready";
            case "layer":
                return Class.forName("Luck").getField("WORD").get(null);
            default:
                throw new IllegalArgumentException("do " + what + "?");
        }
    }

    private static Map<String, Object> context(Context context) {
        Map<String, Object> seen = new LinkedHashMap<>();
        seen.put("request_id", context.getAwsRequestId());
        seen.put("function_name", context.getFunctionName());
        seen.put("version", context.getFunctionVersion());
        seen.put("arn", context.getInvokedFunctionArn());
        seen.put("memory", context.getMemoryLimitInMB());
        seen.put("log_group", context.getLogGroupName());
        seen.put("log_stream", context.getLogStreamName());
        seen.put("remaining_ms", context.getRemainingTimeInMillis());
        return seen;
    }

    /** A member that is null would be left out; one that is an empty Optional is null. */
    private static Map<String, Optional<String>> environment(List<?> names) {
        Map<String, Optional<String>> values = new LinkedHashMap<>();
        for (Object name : names) {
            values.put((String) name, Optional.ofNullable(System.getenv((String) name)));
        }
        return values;
    }

    private static Object troublemaker(String message) {
        throw new IllegalArgumentException(message);
    }

    /** Outside of the heap, which would refuse first. */
    private static String allocate(int megabytes) {
        while (HELD.size() * (PIECE >> 20) < megabytes) {
            ByteBuffer piece = ByteBuffer.allocateDirect(PIECE);
            for (int i = 0; i < PIECE; i += PAGE) {
                piece.put(i, (byte) 1);
            }
            HELD.add(piece);
        }
        return "held";
    }

    private static Object circle() {
        List<Object> circle = new ArrayList<>();
        circle.add(circle);
        return circle;
    }

    private static Map<String, Object> files() throws IOException {
        Path file = Path.of("/tmp/kept");
        Files.writeString(file, "kept");
        Map<String, Object> seen = new LinkedHashMap<>();
        seen.put("tmp", Files.readString(file).equals("kept"));
        try {
            Files.writeString(Path.of(System.getenv("LAMBDA_TASK_ROOT"), "file"), "");
            seen.put("task", null);
        } catch (IOException error) {
            seen.put("task", error.getClass().getSimpleName());
        }
        return seen;
    }

    private static Map<String, Object> clock() {
        TimeZone zone = TimeZone.getDefault();
        int minutes = zone.getOffset(System.currentTimeMillis()) / 60_000;
        return Map.of("zone", zone.getID(), "hour_offset", minutes);
    }

    private static Map<String, Object> text(String text) {
        int length = text.codePointCount(0, text.length());
        return Map.of("encoding", Charset.defaultCharset().name(), "length", length);
    }

    private static Object resolve(String host) {
        try {
            return InetAddress.getByName(host).getHostAddress();
        } catch (UnknownHostException error) {
            return Map.of("error", error.getClass().getSimpleName());
        }
    }

    private static int authorities() throws Exception {
        TrustManagerFactory factory =
                TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
        factory.init((KeyStore) null);
        int number = 0;
        for (TrustManager manager : factory.getTrustManagers()) {
            number += ((X509TrustManager) manager).getAcceptedIssuers().length;
        }
        return number;
    }

    private static String child(String command) throws IOException {
        Process process = new ProcessBuilder("/bin/sh", "-c", command).start();
        return new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8).trim();
    }
}
