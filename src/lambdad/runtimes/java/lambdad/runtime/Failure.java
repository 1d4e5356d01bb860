package lambdad.runtime;

import java.io.PrintWriter;
import java.io.StringWriter;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import lambdad.json.JsonWriter;

/**
 * What went wrong, in the forms that AWS gives it.
 *
 * A {@link Fault} is the runtime's own finding; anything else is what the function threw, whose
 * stack ends where the runtime called the function.
 */
final class Failure {
    private static final List<String> OWN_PACKAGES = List.of("lambdad.runtime.", "lambdad.json.");
    private static final int LARGEST_CAUSE = 65536;
    private static final int MOST_CAUSES = 100;

    private final boolean isFault;
    private final Throwable thrown;
    private final String message;
    private final String errorType;
    private final List<StackTraceElement> stack;

    private Failure(boolean isFault, Throwable thrown, String message, String errorType) {
        this.isFault = isFault;
        this.thrown = thrown;
        this.message = message;
        this.errorType = errorType;
        stack = thrown == null ? null : Arrays.asList(thrown.getStackTrace());
    }

    static Failure of(Throwable thrown) {
        if (thrown instanceof Fault) {
            Throwable cause = cleaned(thrown.getCause(), MOST_CAUSES);
            return new Failure(true, cause, thrown.getMessage(), ((Fault) thrown).errorType);
        }
        Throwable cleaned = cleaned(thrown, MOST_CAUSES);
        return new Failure(false, cleaned, messageOf(cleaned), cleaned.getClass().getName());
    }

    /** What the platform calls it. */
    String platformType() {
        return isFault ? "Runtime.BadFunctionCode" : "Runtime.UserException";
    }

    /** The error object that the client of the function gets. */
    String toJson() {
        return JsonWriter.write(toObject(MOST_CAUSES));
    }

    /** The error as a log shows it. */
    String toLogText() {
        if (errorType == null) {
            return message + "\n";
        }
        return message + ": " + errorType + "\n" + printedStack() + "\n";
    }

    /** The error as X-Ray wants it, for a header; nothing when it is too long, or a fault. */
    String toXrayCause() {
        if (isFault) {
            return "";
        }
        Map<String, Object> exception = new LinkedHashMap<>();
        exception.put("message", message);
        exception.put("type", errorType);
        exception.put("stack", stack.stream().map(Failure::xrayFrame).collect(Collectors.toList()));
        Map<String, Object> cause = new LinkedHashMap<>();
        cause.put("working_directory", System.getProperty("user.dir"));
        cause.put("exceptions", List.of(exception));
        cause.put("paths", paths());
        String json = ascii(JsonWriter.write(cause));
        return json.length() < LARGEST_CAUSE ? json : "";
    }

    private Map<String, Object> toObject(int mostCauses) {
        Map<String, Object> object = new LinkedHashMap<>();
        object.put("errorMessage", message);
        if (errorType != null) {
            object.put("errorType", errorType);
        }
        if (thrown != null) {
            object.put("stackTrace", stack.stream().map(String::valueOf).toArray());
            if (thrown.getCause() != null && mostCauses > 0) {
                object.put("cause", of(thrown.getCause()).toObject(mostCauses - 1));
            }
        }
        return object;
    }

    private Set<String> paths() {
        Set<String> paths = new LinkedHashSet<>();
        stack.forEach(frame -> paths.add(String.valueOf(frame.getFileName())));
        return paths;
    }

    private static Map<String, Object> xrayFrame(StackTraceElement frame) {
        Map<String, Object> described = new LinkedHashMap<>();
        described.put("label", frame.getMethodName());
        described.put("path", frame.getFileName());
        described.put("line", frame.getLineNumber());
        return described;
    }

    private String printedStack() {
        if (thrown == null) {
            return "";
        }
        StringWriter printed = new StringWriter();
        try {
            thrown.printStackTrace(new PrintWriter(printed, true));
        } catch (RuntimeException error) {
            return errorType; // its own message or stack threw
        }
        return printed.toString();
    }

    /** Its message, or the name of its class. */
    static String messageOf(Throwable thrown) {
        String message = null;
        try {
            message = thrown.getLocalizedMessage();
        } catch (RuntimeException error) {
            // a message that cannot be read is none
        }
        return message == null ? thrown.getClass().getName() : message;
    }

    /** The same without the runtime's part of the stacks. */
    private static Throwable cleaned(Throwable thrown, int mostCauses) {
        if (thrown == null || mostCauses == 0) {
            return thrown;
        }
        StackTraceElement[] frames = thrown.getStackTrace();
        for (int i = 0; i < frames.length; i++) {
            if (OWN_PACKAGES.stream().anyMatch(frames[i].getClassName()::startsWith)) {
                thrown.setStackTrace(Arrays.copyOf(frames, i));
                break;
            }
        }
        cleaned(thrown.getCause(), mostCauses - 1);
        return thrown;
    }

    private static String ascii(String text) {
        StringBuilder ascii = new StringBuilder(text.length());
        for (int i = 0; i < text.length(); i++) {
            char character = text.charAt(i);
            if (character < 127) {
                ascii.append(character);
            } else {
                ascii.append(String.format("\\u%04x", (int) character));
            }
        }
        return ascii.toString();
    }
}
