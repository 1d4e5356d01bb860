package lambdad.runtime;

import java.io.File;
import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.Locale;
import java.util.Map;

/**
 * The Java runtime: asks the Runtime API for events and gives them to the function's handler.
 *
 * It runs inside the sandbox, on Java alone.
 *
 * <pre>
 * [[rehearse] ──▶ wait] ──▶ load ──▶ next ──▶ the handler ──▶ response | error ──▶ next …
 * </pre>
 */
public final class Bootstrap {
    static final File LAYERS = new File("/opt/java/lib");

    private Bootstrap() {}

    public static void main(String[] arguments) {
        System.setOut(utf8(FileDescriptor.out));
        System.setErr(utf8(FileDescriptor.err));
        completeLocale();
        try {
            Map<String, String> variables = Variables.ofProcess();
            if (Waiting.isWanted(variables)) {
                if (!Waiting.isBrief(variables)) {
                    Rehearsal.play(variables);
                }
                if (!Waiting.untilTold(variables)) {
                    System.exit(0);
                }
            }
            serve(variables);
        } catch (Throwable error) { // without the Runtime API there is nothing left to do
            error.printStackTrace();
            System.exit(1); // whatever threads the function has
        }
    }

    /** AWS's locale is that of the United States. An option of the command line would come before
     * those of the function's JAVA_TOOL_OPTIONS. */
    private static void completeLocale() {
        if (System.getProperty("user.country") == null) {
            System.setProperty("user.country", "US");
            Locale locale = Locale.getDefault();
            Locale.setDefault(new Locale.Builder().setLocale(locale).setRegion("US").build());
        }
    }

    private static void serve(Map<String, String> variables) throws IOException {
        RuntimeApi api = new RuntimeApi(variables.get("AWS_LAMBDA_RUNTIME_API"));
        FunctionLog log = new FunctionLog(variables, LogSink.open(variables));
        log.publish();
        EntryPoint handler = load(variables, api, log);
        Serving serving = new Serving(api, handler, variables, log);
        while (true) {
            serving.serveNext();
        }
    }

    /** The function's handler. What its code throws while it is loaded ends the process; a handler
     * that is not there fails every invocation. */
    private static EntryPoint load(Map<String, String> variables, RuntimeApi api, FunctionLog log)
            throws IOException {
        File root = new File(variables.get("LAMBDA_TASK_ROOT"));
        ClassLoader own = Bootstrap.class.getClassLoader();
        ClassLoader classes = FunctionClasses.at(root, LAYERS, own);
        Thread.currentThread().setContextClassLoader(classes);
        String name = variables.getOrDefault("_HANDLER", "");
        final Fault fault;
        try {
            return HandlerLookup.find(name, classes);
        } catch (Fault found) {
            fault = found;
        } catch (Throwable thrown) { // as of a class that the handler's class needs
            String message = "Error loading " + name + ": " + Failure.messageOf(thrown);
            fault = Fault.ofInit(message, thrown);
        }
        if (fault.isFatal) {
            Failure failure = Failure.of(fault);
            log.log(failure);
            api.failInit(failure);
            System.exit(1);
        }
        return (event, context) -> {
            throw fault;
        };
    }

    /** Whole lines, and in UTF-8 whatever the machine's locale is. */
    private static PrintStream utf8(FileDescriptor descriptor) {
        OutputStream file = new FileOutputStream(descriptor);
        return new PrintStream(file, true, StandardCharsets.UTF_8) {
            @Override
            public void close() {
                flush(); // a function may be done with it, but the log is not
            }
        };
    }
}
