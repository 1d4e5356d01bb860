package com.amazonaws.services.lambda.runtime.logging;

import java.util.Locale;

/** How the messages of a function look in its log. */
public enum LogFormat {
    JSON,
    TEXT;

    /** The format of this name; TEXT when there is none. */
    public static LogFormat fromString(String name) {
        try {
            return valueOf(name.toUpperCase(Locale.ROOT));
        } catch (IllegalArgumentException | NullPointerException unknown) {
            return TEXT;
        }
    }
}
