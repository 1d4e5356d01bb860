package lambdad.json;

import java.lang.reflect.InvocationTargetException;
import java.math.BigDecimal;
import java.math.BigInteger;
import java.net.URI;
import java.nio.ByteBuffer;
import java.nio.charset.Charset;
import java.nio.file.Path;
import java.time.Instant;
import java.time.OffsetDateTime;
import java.util.Base64;
import java.util.Currency;
import java.util.Date;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TimeZone;
import java.util.UUID;
import java.util.function.Function;

/**
 * Numbers, texts and truths as what a handler takes: numbers of other sizes, enums by their names,
 * bytes of base64, times of ISO 8601 or of a number, and what has a form in text.
 */
final class Scalars {
    private static final BigDecimal NANOSECONDS = BigDecimal.valueOf(1_000_000_000);
    private static final BigDecimal MILLISECONDS = BigDecimal.valueOf(1_000);

    private static final int LARGEST_SCALE = 100_000;
    private static final int UNSIGNED_BYTE = 255; // AWS's binding takes up to this for a byte

    private Scalars() {}

    /** Loaded with the first type that is no text: each of its lambdas takes a while to link. */
    private static final class Conversions {
        static final Map<Class<?>, Function<Number, Object>> OF_NUMBERS = new HashMap<>();
        static final Map<Class<?>, Function<String, Object>> OF_TEXTS = new HashMap<>();

        static {
            OF_NUMBERS.put(Integer.class, number -> Math.toIntExact(whole(number)));
            OF_NUMBERS.put(Long.class, Scalars::whole);
            OF_NUMBERS.put(
                    Short.class, number -> (short) whole(number, Short.MIN_VALUE, Short.MAX_VALUE));
            OF_NUMBERS.put(
                    Byte.class, number -> (byte) whole(number, Byte.MIN_VALUE, UNSIGNED_BYTE));
            OF_NUMBERS.put(
                    Character.class, number -> (char) whole(number, 0, Character.MAX_VALUE));
            OF_NUMBERS.put(Double.class, Number::doubleValue);
            OF_NUMBERS.put(Float.class, Number::floatValue);
            OF_NUMBERS.put(Number.class, Scalars::natural);
            OF_NUMBERS.put(BigDecimal.class, Scalars::exact);
            OF_NUMBERS.put(BigInteger.class, number -> exact(number).toBigInteger());
            OF_NUMBERS.put(Boolean.class, number -> number.doubleValue() != 0);
            OF_NUMBERS.put(String.class, Number::toString);
            OF_NUMBERS.put(Date.class, number -> new Date(milliseconds(number)));
            OF_NUMBERS.put(Instant.class, Scalars::instant);

            OF_TEXTS.put(Boolean.class, Boolean::valueOf);
            OF_TEXTS.put(Character.class, Scalars::onlyCharacter);
            OF_TEXTS.put(Date.class, text -> Date.from(instant(text)));
            OF_TEXTS.put(Instant.class, Scalars::instant);
            OF_TEXTS.put(byte[].class, text -> Base64.getDecoder().decode(text));
            OF_TEXTS.put(ByteBuffer.class, text -> ByteBuffer.wrap(Base64.getDecoder().decode(text)));
            OF_TEXTS.put(char[].class, String::toCharArray);
            OF_TEXTS.put(StringBuilder.class, StringBuilder::new);
            OF_TEXTS.put(UUID.class, UUID::fromString);
            OF_TEXTS.put(URI.class, URI::create);
            OF_TEXTS.put(Path.class, Path::of);
            OF_TEXTS.put(Locale.class, Locale::forLanguageTag);
            OF_TEXTS.put(Currency.class, Currency::getInstance);
            OF_TEXTS.put(TimeZone.class, TimeZone::getTimeZone);
            OF_TEXTS.put(Charset.class, Charset::forName);
        }
    }

    /** Whether `type` is one of those that a number or a text can be. */
    static boolean areOf(Class<?> type) {
        return type == String.class
                || Conversions.OF_NUMBERS.containsKey(type)
                || Conversions.OF_TEXTS.containsKey(type)
                || type.isEnum()
                || isTime(type);
    }

    /** A number, a text or a truth as a `type`. */
    static Object toJava(Object value, Class<?> type) {
        try {
            if (value instanceof Number) {
                return found(Conversions.OF_NUMBERS.get(type), value, type).apply((Number) value);
            }
            if (value instanceof Boolean) {
                return truth((Boolean) value, type);
            }
            return text((String) value, type);
        } catch (JsonException error) {
            throw error;
        } catch (RuntimeException error) {
            throw new JsonException(misfit(value, type), error);
        }
    }

    /** A number where nobody says what it should be. */
    static Number natural(Number number) {
        return number instanceof BigDecimal ? (Number) number.doubleValue() : number;
    }

    /** Java computes for ever with what has an exponent of many digits. */
    static BigDecimal decimal(String text) {
        BigDecimal value = new BigDecimal(text);
        if (Math.abs((long) value.scale()) > LARGEST_SCALE) {
            throw new NumberFormatException("Out of range");
        }
        return value;
    }

    private static Object truth(Boolean value, Class<?> type) {
        if (type == Boolean.class) {
            return value;
        }
        if (type == String.class) {
            return value.toString();
        }
        throw new JsonException(misfit(value, type));
    }

    private static Object text(String text, Class<?> type) {
        if (type == String.class) {
            return text;
        }
        if (type.isEnum()) {
            return constant(text, type);
        }
        if (Conversions.OF_TEXTS.containsKey(type)) {
            return Conversions.OF_TEXTS.get(type).apply(text);
        }
        if (isTime(type)) {
            return time(text, type);
        }
        Function<Number, Object> ofNumber = found(Conversions.OF_NUMBERS.get(type), text, type);
        return text.isBlank() ? null : ofNumber.apply(decimal(text.strip()));
    }

    /** A name that the enum does not have is null. */
    private static Object constant(String name, Class<?> type) {
        for (Object constant : type.getEnumConstants()) {
            if (((Enum<?>) constant).name().equals(name)) {
                return constant;
            }
        }
        return null;
    }

    /** Java's own, and those of Joda, which AWS's events have. */
    static boolean isTime(Class<?> type) {
        return type.getName().startsWith("java.time.") || isOfJoda(type);
    }

    private static boolean isOfJoda(Class<?> type) {
        return type.getName().startsWith("org.joda.time.");
    }

    private static Object time(String text, Class<?> type) {
        try {
            Class<?> parsed = isOfJoda(type) ? String.class : CharSequence.class;
            return type.getMethod("parse", parsed).invoke(null, text);
        } catch (InvocationTargetException error) {
            throw new JsonException(misfit(text, type), error.getCause());
        } catch (ReflectiveOperationException error) {
            throw new JsonException(misfit(text, type), error);
        }
    }

    private static <T> T found(T conversion, Object value, Class<?> type) {
        if (conversion == null) {
            throw new JsonException(misfit(value, type));
        }
        return conversion;
    }

    static String misfit(Object value, Class<?> type) {
        Object shown = value instanceof Map ? "an object" : value;
        shown = value instanceof List ? "an array" : shown;
        return "Cannot make " + type.getName() + " of " + shown;
    }

    private static long whole(Number number, long least, long most) {
        long whole = whole(number);
        if (whole < least || whole > most) {
            throw new ArithmeticException("Out of range");
        }
        return whole;
    }

    /** A fraction is cut off; what no long can be is refused. */
    private static long whole(Number number) {
        boolean isSmall = number instanceof Integer || number instanceof Long;
        return isSmall ? number.longValue() : exact(number).toBigInteger().longValueExact();
    }

    private static BigDecimal exact(Number number) {
        return new BigDecimal(number.toString());
    }

    private static long milliseconds(Number number) {
        return number instanceof BigDecimal
                ? whole(((BigDecimal) number).multiply(MILLISECONDS))
                : whole(number);
    }

    private static Instant instant(Number number) {
        BigDecimal[] parts = exact(number).multiply(NANOSECONDS).divideAndRemainder(NANOSECONDS);
        return Instant.ofEpochSecond(parts[0].longValueExact(), parts[1].longValue());
    }

    /** ISO 8601, with any zone, or with none for UTC. */
    private static Instant instant(String text) {
        if (text.indexOf('T') < 0) {
            return Instant.parse(text + "T00:00:00Z");
        }
        boolean hasZone = text.matches(".*(Z|[+-]\\d\\d:?\\d\\d)$");
        String normal = text.replaceFirst("([+-]\\d\\d)(\\d\\d)$", "$1:$2");
        return OffsetDateTime.parse(hasZone ? normal : text + "Z").toInstant();
    }

    private static char onlyCharacter(String text) {
        if (text.length() != 1) {
            throw new JsonException(misfit(text, Character.class));
        }
        return text.charAt(0);
    }
}
