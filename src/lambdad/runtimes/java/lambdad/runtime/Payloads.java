package lambdad.runtime;

import com.amazonaws.services.lambda.runtime.CustomPojoSerializer;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.lang.reflect.Type;
import java.nio.charset.StandardCharsets;
import java.util.Iterator;
import java.util.ServiceLoader;
import lambdad.json.Binding;
import lambdad.json.JsonReader;
import lambdad.json.JsonWriter;

/** Makes objects of events and JSON of results, by the function's own serializer if it has one. */
final class Payloads {
    private static final String SERVICE =
            "META-INF/services/" + CustomPojoSerializer.class.getName();
    private static final byte[] NULL = "null".getBytes(StandardCharsets.UTF_8);

    private final CustomPojoSerializer custom;

    private Payloads(CustomPojoSerializer custom) {
        this.custom = custom;
    }

    static Payloads of(ClassLoader classes) throws Fault {
        if (areWithoutService(classes)) {
            return new Payloads(null);
        }
        Iterator<CustomPojoSerializer> found =
                ServiceLoader.load(CustomPojoSerializer.class, classes).iterator();
        if (!found.hasNext()) {
            return new Payloads(null);
        }
        CustomPojoSerializer custom = found.next();
        if (found.hasNext()) {
            throw Fault.ofFunction("Too many serializers provided, only one is allowed");
        }
        return new Payloads(custom);
    }

    /** Of what is not in the function's own places Java and the runtime have no serializer, and to
     * search Java itself takes a while. */
    private static boolean areWithoutService(ClassLoader classes) {
        return classes instanceof FunctionClasses
                && ((FunctionClasses) classes).findResource(SERVICE) == null;
    }

    Object toObject(byte[] event, Type type) {
        try {
            if (custom != null) {
                return custom.fromJson(new ByteArrayInputStream(event), type);
            }
            return Binding.bind(JsonReader.read(new String(event, StandardCharsets.UTF_8)), type);
        } catch (RuntimeException error) {
            throw new RuntimeException("An error occurred during JSON parsing", error);
        }
    }

    byte[] toJson(Object result, Type type) {
        if (result == null) {
            return NULL;
        }
        try {
            if (custom != null) {
                ByteArrayOutputStream output = new ByteArrayOutputStream();
                custom.toJson(result, output, type);
                return output.toByteArray();
            }
            return JsonWriter.write(result).getBytes(StandardCharsets.UTF_8);
        } catch (RuntimeException error) {
            String message = "An error occurred during JSON serialization of response";
            throw new RuntimeException(message, error);
        }
    }
}
