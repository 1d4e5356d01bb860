package lambdad.json;

import java.lang.reflect.Array;
import java.util.Iterator;
import java.util.Map;

/**
 * Writes values as JSON: what {@link JsonReader} gives, arrays and iterables, values that have a
 * form of their own ({@link Forms}), and whatever has properties ({@link Bean}).
 */
public final class JsonWriter {
    private static final String HEX = "0123456789abcdef";

    private final StringBuilder output = new StringBuilder();
    private int depth;

    /** The JSON of `value`. */
    public static String write(Object value) {
        JsonWriter writer = new JsonWriter();
        writer.value(value);
        return writer.output.toString();
    }

    private void value(Object original) {
        Object value = Forms.toJson(original);
        if (value == null || value instanceof Boolean) {
            output.append(value);
        } else if (value instanceof Number) {
            number((Number) value);
        } else if (value instanceof String) {
            string((String) value);
        } else {
            enter();
            composite(value);
            depth--;
        }
    }

    private void composite(Object value) {
        if (value instanceof Map) {
            object((Map<?, ?>) value);
        } else if (value instanceof Iterable) {
            elements(((Iterable<?>) value).iterator());
        } else if (value instanceof Iterator) {
            elements((Iterator<?>) value);
        } else if (value.getClass().isArray()) {
            array(value);
        } else {
            bean(value);
        }
    }

    /** Members that are null are left out. */
    private void object(Map<?, ?> members) {
        output.append('{');
        String separator = "";
        for (Map.Entry<?, ?> member : members.entrySet()) {
            if (member.getValue() != null) {
                output.append(separator);
                string(Forms.toName(member.getKey()));
                output.append(':');
                value(member.getValue());
                separator = ",";
            }
        }
        output.append('}');
    }

    /** Properties that are null are left out. */
    private void bean(Object value) {
        output.append('{');
        String separator = "";
        for (Property property : Bean.of(value.getClass()).readable()) {
            Object content = property.read(value);
            if (content != null) {
                output.append(separator);
                string(property.name);
                output.append(':');
                value(content);
                separator = ",";
            }
        }
        output.append('}');
    }

    private void elements(Iterator<?> iterator) {
        output.append('[');
        String separator = "";
        while (iterator.hasNext()) {
            output.append(separator);
            value(iterator.next());
            separator = ",";
        }
        output.append(']');
    }

    private void array(Object array) {
        output.append('[');
        for (int i = 0; i < Array.getLength(array); i++) {
            if (i > 0) {
                output.append(',');
            }
            value(Array.get(array, i));
        }
        output.append(']');
    }

    private void enter() {
        if (++depth > JsonReader.DEEPEST) {
            String most = "More than " + JsonReader.DEEPEST + " levels of JSON";
            throw new JsonException(most + ", or an object inside itself");
        }
    }

    /** What JSON has no number for is text. */
    private void number(Number number) {
        double value = number.doubleValue();
        boolean isFloat = number instanceof Double || number instanceof Float;
        if (isFloat && (Double.isNaN(value) || Double.isInfinite(value))) {
            string(number.toString());
        } else {
            output.append(number);
        }
    }

    private void string(String text) {
        output.append('"');
        int written = 0;
        for (int i = 0; i < text.length(); i++) {
            char character = text.charAt(i);
            if (mustBeEscaped(text, i, character)) {
                output.append(text, written, i);
                escape(character);
                written = i + 1;
            }
        }
        output.append(text, written, text.length()).append('"');
    }

    private static boolean mustBeEscaped(String text, int index, char character) {
        if (character < ' ' || character == '"' || character == '\\') {
            return true;
        }
        return Character.isSurrogate(character) && !isHalfOfPair(text, index, character);
    }

    /** A surrogate alone has no bytes in UTF-8. */
    private static boolean isHalfOfPair(String text, int index, char character) {
        if (Character.isHighSurrogate(character)) {
            return index + 1 < text.length() && Character.isLowSurrogate(text.charAt(index + 1));
        }
        return index > 0 && Character.isHighSurrogate(text.charAt(index - 1));
    }

    private void escape(char character) {
        output.append('\\');
        int index = "\"\\\b\f\n\r\t".indexOf(character);
        if (index >= 0) {
            output.append("\"\\bfnrt".charAt(index));
            return;
        }
        output.append('u');
        for (int shift = 12; shift >= 0; shift -= 4) {
            output.append(HEX.charAt(character >> shift & 15));
        }
    }
}
