package lambdad.runtime;

/** A failure that the runtime itself finds; one that is fatal ends the process. */
final class Fault extends Exception {
    private static final long serialVersionUID = 1;

    /** The Java class that stands for it, or null. */
    final String errorType;

    final boolean isFatal;

    private Fault(String message, String errorType, boolean isFatal, Throwable cause) {
        super(message, cause, false, false);
        this.errorType = errorType;
        this.isFatal = isFatal;
    }

    /** The function is not what its handler's name says: every invocation will fail so. */
    static Fault ofFunction(String message) {
        return new Fault(message, null, false, null);
    }

    /** The same, for something that Java threw. */
    static Fault ofFunction(String message, Throwable thrown) {
        return new Fault(message, thrown.getClass().getName(), false, null);
    }

    /** The function's code threw while it was loaded. */
    static Fault ofInit(String message, Throwable thrown) {
        return new Fault(message, thrown.getClass().getName(), true, thrown);
    }
}
