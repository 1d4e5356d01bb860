package example;

import java.io.PrintWriter;
import java.util.Map;

/** Handlers that fail, each in its way. */
public class Failing {
    static class Own extends Exception {
        Own(String message, Throwable cause) {
            super(message, cause);
        }
    }

    static class Unreadable extends RuntimeException {
        @Override
        public String getMessage() {
            throw new IllegalStateException();
        }
    }

    /** Throws at whatever it is asked. */
    static class Hostile extends RuntimeException {
        @Override
        public String getMessage() {
            throw new AssertionError();
        }

        @Override
        public Throwable getCause() {
            throw new AssertionError();
        }

        @Override
        public StackTraceElement[] getStackTrace() {
            throw new AssertionError();
        }

        @Override
        public void setStackTrace(StackTraceElement[] stack) {
            throw new AssertionError();
        }

        @Override
        public void printStackTrace(PrintWriter output) {
            throw new AssertionError();
        }
    }

    static class Hollow extends RuntimeException {
        @Override
        public StackTraceElement[] getStackTrace() {
            return null;
        }
    }

    static class Unchangeable extends RuntimeException {
        @Override
        public void setStackTrace(StackTraceElement[] stack) {
            throw new AssertionError();
        }
    }

    static class Perforated extends RuntimeException {
        @Override
        public StackTraceElement[] getStackTrace() {
            return new StackTraceElement[1];
        }
    }

    public String hostile(String kind) {
        switch (kind) {
            case "Hollow":
                throw new Hollow();
            case "Unchangeable":
                throw new Unchangeable();
            case "Perforated":
                throw new Perforated();
            default:
                throw new Hostile();
        }
    }

    public String plain(Object input) {
        throw new IllegalArgumentException("Zo\u00eb\nwrong");
    }

    public String silent(Object input) {
        throw new IllegalStateException();
    }

    public String chained(Object input) throws Own {
        try {
            return deeper();
        } catch (RuntimeException error) {
            throw new Own("outer", error);
        }
    }

    private String deeper() {
        throw new UnsupportedOperationException("inner");
    }

    public String unreadable(Object input) {
        throw new Unreadable();
    }

    public String error(Object input) {
        throw new AssertionError("asserted");
    }

    public int overflow(Object input) {
        return overflow(input) + 1;
    }

    public Object memory(Object input) {
        long[][] held = new long[1000][];
        for (int i = 0; i < held.length; i++) {
            held[i] = new long[1 << 20];
        }
        return held.length;
    }

    public String exit(int status) {
        System.exit(status);
        return "never";
    }

    public String halt(int status) {
        Runtime.getRuntime().halt(status);
        return "never";
    }

    public String thread(Object input) throws InterruptedException {
        Thread thread = new Thread(() -> plain(null));
        thread.start();
        thread.join();
        return "lives on";
    }

    public boolean interrupted(Map<String, Object> input) {
        boolean was = Thread.interrupted();
        Thread.currentThread().interrupt();
        return was;
    }

    public static class HostileWhenMade {
        public HostileWhenMade() {
            throw new Hostile();
        }

        public void handle() {}
    }
}
