package example;

import com.amazonaws.services.lambda.runtime.Client;
import com.amazonaws.services.lambda.runtime.Context;
import com.amazonaws.services.lambda.runtime.LambdaLogger;
import com.amazonaws.services.lambda.runtime.LambdaRuntime;
import com.amazonaws.services.lambda.runtime.logging.LogLevel;
import java.io.IOException;
import java.io.OutputStream;
import java.io.PrintStream;
import java.nio.charset.Charset;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.text.NumberFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TimeZone;

/** Handlers that tell what they see. */
public class Surroundings {
    public Map<String, Object> context(Object input, Context context) {
        Map<String, Object> seen = new LinkedHashMap<>();
        seen.put("request", context.getAwsRequestId());
        seen.put("name", context.getFunctionName());
        seen.put("version", context.getFunctionVersion());
        seen.put("arn", context.getInvokedFunctionArn());
        seen.put("memory", context.getMemoryLimitInMB());
        seen.put("group", context.getLogGroupName());
        seen.put("stream", context.getLogStreamName());
        seen.put("remaining", context.getRemainingTimeInMillis());
        seen.put("identity", context.getIdentity().getIdentityId());
        seen.put("pool", context.getIdentity().getIdentityPoolId());
        seen.put("tenant", context.getTenantId());
        seen.put("trace", context.getXrayTraceId());
        seen.put("traceVariable", System.getenv("_X_AMZN_TRACE_ID"));
        seen.put("traceProperty", System.getProperty("com.amazonaws.xray.traceHeader"));
        if (context.getClientContext() != null) {
            Client client = context.getClientContext().getClient();
            seen.put("title", client.getAppTitle());
            seen.put("custom", context.getClientContext().getCustom());
            seen.put("env", context.getClientContext().getEnvironment());
        }
        return seen;
    }

    public Map<String, Object> process(Map<String, String> input) throws IOException {
        Map<String, Object> seen = new LinkedHashMap<>();
        seen.put("variables", System.getenv());
        ProcessBuilder child = new ProcessBuilder("/usr/bin/env");
        seen.put("child", new String(child.start().getInputStream().readAllBytes(), "UTF-8"));
        seen.put("threads", Thread.activeCount());
        seen.put("encoding", Charset.defaultCharset().name());
        seen.put("zone", TimeZone.getDefault().getID());
        Path file = Path.of(input.get("directory"), "Zo\u00eb");
        Files.writeString(file, "\u00eb");
        seen.put("size", Files.size(file));
        return seen;
    }

    public void print(String input) {
        System.out.println(input);
        System.err.print(input);
    }

    public void log(Object input, Context context) {
        LambdaLogger logger = context.getLogger();
        logger.log("plain\nZo\u00eb");
        logger.log("warned", LogLevel.WARN);
        logger.log("debugged", LogLevel.DEBUG);
        LambdaRuntime.getLogger().log("without context\n", LogLevel.INFO);
        logger.log("bytes".getBytes(StandardCharsets.UTF_8));
    }

    public String shutdown(Object input) {
        Runtime.getRuntime().addShutdownHook(new Thread(() -> System.out.println("goodbye")));
        return "ready";
    }

    /** Make a message of what goes to standard output, as bridges to loggers do. */
    public void redirect(Object input) {
        OutputStream messages =
                new OutputStream() {
                    @Override
                    public void write(int single) {
                        write(new byte[] {(byte) single}, 0, 1);
                    }

                    @Override
                    public void write(byte[] text, int start, int size) {
                        LambdaRuntime.getLogger().log(new String(text, start, size));
                    }
                };
        System.setOut(new PrintStream(messages));
        System.out.print("redirected");
    }

    public void close(Object input, Context context) {
        System.out.close();
        System.err.close();
        context.getLogger().log("logged");
    }

    public List<String> locale() {
        String country = System.getProperty("user.country");
        String price = NumberFormat.getCurrencyInstance().format(1.5);
        return List.of(Locale.getDefault().toString(), country, price);
    }

    /** Where its class is from, and whether a class that nobody has is missed by its name. */
    public Map<String, String> origin(Object input) {
        Class<?> own = Surroundings.class;
        String missing = "";
        try {
            Class.forName("example.Nobody");
        } catch (ClassNotFoundException error) {
            missing = error.getMessage();
        }
        return Map.of(
                "source", own.getProtectionDomain().getCodeSource().getLocation().toString(),
                "package", own.getPackage().getName(),
                "file", own.getResource("Surroundings.class").toString(),
                "loads", String.valueOf(own.getClassLoader() != Context.class.getClassLoader()),
                "missing", missing);
    }
}
