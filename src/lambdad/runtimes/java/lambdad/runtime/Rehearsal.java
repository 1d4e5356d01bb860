package lambdad.runtime;

import java.io.File;
import java.io.IOException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * Plays invocations of functions that the runtime brings along, in a process that is started ahead:
 * what its real function needs of Java and of the runtime is then loaded, linked and compiled.
 */
final class Rehearsal {
    private static final int ROUNDS = 60;
    private static final String SAMPLE =
            "{\"name\": \"caf\\u00e9\", \"count\": 12, \"ratio\": 0.5, \"new\": true, \"tags\": [\"a\", \"b\"],"
                    + " \"parts\": [{\"name\": \"x\"}], \"more\": {\"a\": null, \"b\": 12345678901}}";

    private Rehearsal() {}

    static void play() throws IOException {
        try (PlayedApi played = new PlayedApi(SAMPLE)) {
            Map<String, String> variables = new HashMap<>(System.getenv());
            RuntimeApi api = new RuntimeApi(played.address());
            for (String format : List.of("Text", "JSON")) {
                variables.put("AWS_LAMBDA_LOG_FORMAT", format);
                FunctionLog log = new FunctionLog(variables, (message, level, isJson) -> {});
                for (EntryPoint handler : handlers()) {
                    Serving serving = new Serving(api, handler, variables, log);
                    for (int i = 0; i < ROUNDS; i++) {
                        serving.serveNext();
                    }
                }
            }
        }
        System.clearProperty("com.amazonaws.xray.traceHeader");
        System.gc();
    }

    private static List<EntryPoint> handlers() throws IOException {
        List<EntryPoint> handlers = new ArrayList<>();
        try (FunctionClasses classes = FunctionClasses.in(ownPlaces())) {
            for (String name : List.of("Echo", "Methods::pass", "Methods::fail")) {
                String className = RehearsedFunction.class.getName() + "$" + name;
                handlers.add(HandlerLookup.find(className, Rehearsal.class.getClassLoader()));
                classes.loadClass(className.replaceFirst("::.*", ""));
            }
        } catch (Fault | ClassNotFoundException error) {
            throw new IllegalStateException(error);
        }
        return handlers;
    }

    /** A directory, where there is nothing to be found, and the jar that all this is in. */
    private static List<File> ownPlaces() {
        File jar = new File(System.getProperty("java.class.path"));
        return List.of(jar.getAbsoluteFile().getParentFile(), jar);
    }
}
