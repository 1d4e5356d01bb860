package lambdad.json;

import java.io.File;
import java.math.BigDecimal;
import java.net.URI;
import java.net.URL;
import java.nio.ByteBuffer;
import java.nio.charset.Charset;
import java.nio.file.Path;
import java.time.Instant;
import java.util.Base64;
import java.util.Calendar;
import java.util.Currency;
import java.util.Date;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;

/**
 * Values of a single piece as JSON has them.
 *
 * <pre>
 * byte[], ByteBuffer   base64                  Instant            seconds, with a fraction
 * Date, Calendar       milliseconds            others of time     as they print themselves
 * enum                 its name                UUID, URI, …       as they print themselves
 * Optional             what is in it, or null
 * </pre>
 */
final class Forms {
    private Forms() {}

    /** A value of a single piece as JSON has it; anything else as it is. */
    static Object toJson(Object value) {
        if (value == null || value instanceof String || value instanceof Map) {
            return value;
        }
        if (value instanceof Enum) {
            return ((Enum<?>) value).name();
        }
        if (value instanceof Optional) {
            return toJson(((Optional<?>) value).orElse(null));
        }
        if (value instanceof byte[]) {
            return Base64.getEncoder().encodeToString((byte[]) value);
        }
        if (value instanceof char[]) {
            return new String((char[]) value);
        }
        if (value instanceof ByteBuffer) {
            return base64((ByteBuffer) value);
        }
        return isPrinted(value) ? value.toString() : timestamp(value);
    }

    /** The name of a member whose key in a Map is `key`. */
    static String toName(Object key) {
        return String.valueOf(key instanceof Enum ? ((Enum<?>) key).name() : key);
    }

    private static Object timestamp(Object value) {
        if (value instanceof Date) {
            return ((Date) value).getTime();
        }
        if (value instanceof Calendar) {
            return ((Calendar) value).getTimeInMillis();
        }
        if (value instanceof Instant) {
            Instant instant = (Instant) value;
            BigDecimal fraction = BigDecimal.valueOf(instant.getNano(), 9);
            return BigDecimal.valueOf(instant.getEpochSecond()).add(fraction);
        }
        return value;
    }

    private static boolean isPrinted(Object value) {
        return value instanceof CharSequence
                || value instanceof Character
                || value instanceof UUID
                || value instanceof URI
                || value instanceof URL
                || value instanceof Path
                || value instanceof File
                || value instanceof Locale
                || value instanceof Currency
                || value instanceof Charset
                || (Scalars.isTime(value.getClass()) && !(value instanceof Instant));
    }

    private static String base64(ByteBuffer buffer) {
        byte[] bytes = new byte[buffer.remaining()];
        buffer.duplicate().get(bytes);
        return Base64.getEncoder().encodeToString(bytes);
    }
}
