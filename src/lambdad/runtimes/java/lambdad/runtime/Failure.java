package lambdad.runtime;

import java.io.PrintWriter;
import java.io.StringWriter;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.function.Supplier;
import java.util.stream.Collectors;
import lambdad.json.JsonWriter;

/**
 * What went wrong, in the forms that AWS gives it.
 *
 * A {@link Fault} is the runtime's own finding; anything else is what the function threw, whose
 * stack ends where the runtime called the function. Its methods are the function's as well, and may
 * throw in their turn: what they do not tell is left out.
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
        stack = thrown == null ? null : Arrays.asList(stackOf(thrown));
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
            Throwable cause = causeOf(thrown);
            if (cause != null && mostCauses > 0) {
                object.put("cause", of(cause).toObject(mostCauses - 1));
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
        return told(
                () -> {
                    StringWriter printed = new StringWriter();
                    thrown.printStackTrace(new PrintWriter(printed, true));
                    return printed.toString();
                },
                errorType);
    }

    /** Its message, or the name of its class. */
    static String messageOf(Throwable thrown) {
        return told(thrown::getLocalizedMessage, thrown.getClass().getName());
    }

    private static Throwable causeOf(Throwable thrown) {
        return told(thrown::getCause, null);
    }

    /** Its stack without the runtime's part. */
    private static StackTraceElement[] stackOf(Throwable thrown) {
        return Arrays.stream(told(thrown::getStackTrace, new StackTraceElement[0]))
                .filter(Objects::nonNull)
                .takeWhile(frame -> !isOwn(frame))
                .toArray(StackTraceElement[]::new);
    }

    private static boolean isOwn(StackTraceElement frame) {
        return OWN_PACKAGES.stream().anyMatch(frame.getClassName()::startsWith);
    }

    /** What a method of the function's exception gives, or `otherwise` for nothing or a throw. */
    private static <T> T told(Supplier<T> method, T otherwise) {
        try {
            T given = method.get();
            return given == null ? otherwise : given;
        } catch (Throwable error) {
            return otherwise;
        }
    }

    /** The same without the runtime's part of the stacks, for when they are printed. */
    private static Throwable cleaned(Throwable thrown, int mostCauses) {
        if (thrown == null || mostCauses == 0) {
            return thrown;
        }
        cleaned(causeOf(thrown), mostCauses - 1);
        return told(
                () -> {
                    thrown.setStackTrace(stackOf(thrown));
                    return thrown;
                },
                thrown);
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
