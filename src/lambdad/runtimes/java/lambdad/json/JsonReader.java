package lambdad.json;

import java.math.BigDecimal;
import java.math.BigInteger;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Reads JSON as the standard has it, and nothing beside it.
 *
 * <pre>
 * object   Map, in its order      number   Integer, Long or BigInteger; BigDecimal with a fraction
 * array    List                   text     String
 * </pre>
 */
public final class JsonReader {
    static final int DEEPEST = 1000;

    private static final char END = '\0'; // no character of JSON, so nothing takes it for its own
    private static final int LONGEST_INT = 9;
    private static final int LONGEST_LONG = 18;

    private final String text;
    private int position;
    private int depth;

    private JsonReader(String text) {
        this.text = text;
    }

    /** The one value that the whole text is. */
    public static Object read(String text) {
        JsonReader reader = new JsonReader(text);
        Object value = reader.value();
        reader.skipSpace();
        if (reader.position < text.length()) {
            throw reader.unexpected();
        }
        return value;
    }

    private Object value() {
        skipSpace();
        switch (current()) {
            case '{':
                return object();
            case '[':
                return array();
            case '"':
                return string();
            case 't':
                return word("true", Boolean.TRUE);
            case 'f':
                return word("false", Boolean.FALSE);
            case 'n':
                return word("null", null);
            default:
                return number();
        }
    }

    private Map<String, Object> object() {
        Map<String, Object> members = new LinkedHashMap<>();
        enter();
        if (!isNext('}')) {
            do {
                skipSpace();
                String name = string();
                skipSpace();
                expect(':');
                members.put(name, value());
            } while (isNext(','));
            expect('}');
        }
        depth--;
        return members;
    }

    private List<Object> array() {
        List<Object> elements = new ArrayList<>();
        enter();
        if (!isNext(']')) {
            do {
                elements.add(value());
            } while (isNext(','));
            expect(']');
        }
        depth--;
        return elements;
    }

    private void enter() {
        position++;
        if (++depth > DEEPEST) {
            throw new JsonException("More than " + DEEPEST + " levels of JSON");
        }
    }

    private String string() {
        expect('"');
        int start = position;
        while (current() >= ' ' && current() != '"' && current() != '\\') {
            position++;
        }
        String plain = text.substring(start, position);
        if (current() == '"') {
            position++;
            return plain;
        }
        return escaped(new StringBuilder(plain));
    }

    private String escaped(StringBuilder value) {
        while (current() != '"') {
            char character = current();
            if (character < ' ') {
                throw unexpected();
            }
            position++;
            value.append(character == '\\' ? escape() : character);
        }
        position++;
        return value.toString();
    }

    private char escape() {
        char character = current();
        int index = "\"\\/bfnrtu".indexOf(character);
        if (index < 0) {
            throw unexpected();
        }
        position++;
        return character == 'u' ? unit() : "\"\\/\b\f\n\r\t".charAt(index);
    }

    private char unit() {
        int unit = 0;
        for (int i = 0; i < 4; i++) {
            int digit = current() < 128 ? Character.digit(current(), 16) : -1;
            if (digit < 0) {
                throw unexpected();
            }
            unit = unit * 16 + digit;
            position++;
        }
        return (char) unit;
    }

    private Number number() {
        int start = position;
        if (current() == '-') {
            position++;
        }
        if (current() == '0') {
            position++;
        } else {
            digits();
        }
        int end = position;
        if (current() == '.') {
            position++;
            digits();
        }
        if (current() == 'e' || current() == 'E') {
            position++;
            if (current() == '+' || current() == '-') {
                position++;
            }
            digits();
        }
        String literal = text.substring(start, position);
        return position == end ? integer(literal) : decimal(literal);
    }

    private void digits() {
        if (!isDigit(current())) {
            throw unexpected();
        }
        while (isDigit(current())) {
            position++;
        }
    }

    private static boolean isDigit(char character) {
        return character >= '0' && character <= '9';
    }

    private static Number integer(String literal) {
        if (literal.length() <= LONGEST_INT) {
            return Integer.valueOf(literal);
        }
        if (literal.length() <= LONGEST_LONG) {
            return narrowest(Long.parseLong(literal));
        }
        BigInteger value = new BigInteger(literal);
        return value.bitLength() < Long.SIZE ? (Number) value.longValue() : value;
    }

    private static Number narrowest(long value) {
        return value == (int) value ? (Number) (int) value : value;
    }

    private BigDecimal decimal(String literal) {
        try {
            return Scalars.decimal(literal);
        } catch (NumberFormatException outOfRange) {
            throw new JsonException("A number out of range before character " + position);
        }
    }

    private Object word(String word, Object meaning) {
        if (!text.startsWith(word, position)) {
            throw unexpected();
        }
        position += word.length();
        return meaning;
    }

    private boolean isNext(char character) {
        skipSpace();
        if (current() != character) {
            return false;
        }
        position++;
        return true;
    }

    private void expect(char character) {
        if (current() != character) {
            throw unexpected();
        }
        position++;
    }

    private void skipSpace() {
        while (current() == ' ' || current() == '\n' || current() == '\r' || current() == '\t') {
            position++;
        }
    }

    private char current() {
        return position < text.length() ? text.charAt(position) : END;
    }

    private JsonException unexpected() {
        if (position >= text.length()) {
            return new JsonException("The JSON ends too early");
        }
        String what = String.format("\\u%04x", (int) current());
        return new JsonException("Unexpected " + what + " in the JSON, at character " + position);
    }
}
