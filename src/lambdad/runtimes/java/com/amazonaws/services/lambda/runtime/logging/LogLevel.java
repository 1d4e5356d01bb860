package com.amazonaws.services.lambda.runtime.logging;

import java.util.Locale;

/** How grave a message is. */
public enum LogLevel {
    UNDEFINED,
    TRACE,
    DEBUG,
    INFO,
    WARN,
    ERROR,
    FATAL;

    /** The level of this name; UNDEFINED when there is none. */
    public static LogLevel fromString(String name) {
        try {
            return valueOf(name.toUpperCase(Locale.ROOT));
        } catch (IllegalArgumentException | NullPointerException unknown) {
            return UNDEFINED;
        }
    }
}
