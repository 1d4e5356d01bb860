package com.amazonaws.services.lambda.runtime;

import java.nio.charset.StandardCharsets;

/** The logger, for code that has no context. */
public final class LambdaRuntime {
    private static volatile LambdaLogger logger = new PrintedLogger();

    private LambdaRuntime() {}

    public static LambdaLogger getLogger() {
        return logger;
    }

    /** What there is outside of Lambda, in tests of functions. */
    private static final class PrintedLogger implements LambdaLogger {
        @Override
        public void log(String message) {
            System.out.print(message);
        }

        @Override
        public void log(byte[] message) {
            System.out.print(new String(message, StandardCharsets.UTF_8));
        }
    }
}
