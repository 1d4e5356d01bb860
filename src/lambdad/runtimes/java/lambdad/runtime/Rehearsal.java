package lambdad.runtime;

import java.io.File;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import lambdad.json.JsonWriter;

/**
 * Plays invocations of functions that the runtime brings along, in a process that is started ahead:
 * what its real function needs of Java and of the runtime is then loaded, linked and compiled.
 */
final class Rehearsal {
    private static final int ROUNDS = 60;
    private static final String SAMPLE =
            "{\"name\": \"caf\\u00e9\", \"count\": 12, \"ratio\": 0.5, \"new\": true,"
                    + " \"tags\": [\"a\", \"b\"], \"parts\": [{\"name\": \"x\"}],"
                    + " \"more\": {\"a\": null, \"b\": 12345678901}}";

    private Rehearsal() {}

    static void play(Map<String, String> variables) throws IOException {
        Waiting.become(toldAnew(variables), variables);
        playInvocations(new HashMap<>(variables), handlers());
        System.clearProperty("com.amazonaws.xray.traceHeader");
        System.gc();
    }

    /** A message that changes nothing. */
    private static byte[] toldAnew(Map<String, String> variables) {
        String message = JsonWriter.write(Map.of("variables", variables));
        return message.getBytes(StandardCharsets.UTF_8);
    }

    private static void playInvocations(Map<String, String> variables, List<EntryPoint> handlers)
            throws IOException {
        try (PlayedApi played = new PlayedApi(SAMPLE);
                RuntimeApi api = new RuntimeApi(played.address())) {
            for (String format : List.of("Text", "JSON")) {
                variables.put("AWS_LAMBDA_LOG_FORMAT", format);
                LogSink.open(variables); // the real one, where nothing of the rehearsal may go
                FunctionLog log = new FunctionLog(variables, (message, level, isJson) -> {});
                log.publish();
                for (EntryPoint handler : handlers) {
                    Serving serving = new Serving(api, handler, variables, log);
                    for (int i = 0; i < ROUNDS; i++) {
                        serving.serveNext();
                    }
                }
            }
        }
    }

    /** Found by the runtime's own class loader, and loaded as those of a function are as well. */
    private static List<EntryPoint> handlers() throws IOException {
        List<EntryPoint> handlers = new ArrayList<>();
        File jar = new File(System.getProperty("java.class.path")).getAbsoluteFile();
        File directory = jar.getParentFile();
        ClassLoader java = ClassLoader.getPlatformClassLoader();
        try (FunctionClasses classes = FunctionClasses.at(directory, directory, java)) {
            for (String name : List.of("Echo", "Methods::pass", "Methods::fail")) {
                String handler = RehearsedFunction.class.getName() + "$" + name;
                handlers.add(HandlerLookup.find(handler, Rehearsal.class.getClassLoader()));
                classes.loadClass(handler.replaceFirst("::.*", ""));
            }
        } catch (Fault | ClassNotFoundException error) {
            throw new IllegalStateException(error);
        }
        return handlers;
    }
}
