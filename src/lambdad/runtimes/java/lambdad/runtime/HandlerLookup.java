package lambdad.runtime;

import com.amazonaws.services.lambda.runtime.RequestHandler;
import com.amazonaws.services.lambda.runtime.RequestStreamHandler;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.lang.reflect.Constructor;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Modifier;
import java.lang.reflect.Type;
import java.lang.reflect.TypeVariable;
import lambdad.json.Generics;

/** Finds the function's handler by its name: `package.Class` or `package.Class::method`. */
final class HandlerLookup {
    private static final String USUAL_METHOD = "handleRequest";

    private HandlerLookup() {}

    /** The handler, ready to be called. */
    static EntryPoint find(String name, ClassLoader classes) throws Fault {
        int separator = name.lastIndexOf("::");
        String className = separator < 0 ? name : name.substring(0, separator);
        String methodName = separator < 0 ? USUAL_METHOD : name.substring(separator + 2);
        if (className.isEmpty() || methodName.isEmpty()) {
            throw Fault.ofFunction("Invalid handler: `" + name + "'");
        }
        Class<?> type = load(className, classes);
        Payloads payloads = Payloads.of(classes);
        if (methodName.equals(USUAL_METHOD)) {
            if (RequestStreamHandler.class.isAssignableFrom(type)) {
                return ofStreams((RequestStreamHandler) create(type));
            }
            if (RequestHandler.class.isAssignableFrom(type)) {
                return ofObjects(type, payloads);
            }
        }
        if (separator < 0) {
            String message = "Class does not implement an appropriate handler interface: ";
            throw Fault.ofFunction(message + className);
        }
        return HandlerMethod.find(type, methodName, payloads);
    }

    private static Class<?> load(String name, ClassLoader classes) throws Fault {
        try {
            return Class.forName(name, true, classes);
        } catch (ClassNotFoundException error) {
            throw Fault.ofFunction("Class not found: " + name, error);
        } catch (Throwable thrown) {
            String detail = thrown.getMessage() == null ? "" : ": " + thrown.getMessage();
            throw Fault.ofInit("Error loading class " + name + detail, thrown);
        }
    }

    private static EntryPoint ofStreams(RequestStreamHandler handler) {
        return (event, context) -> {
            ByteArrayOutputStream output = new ByteArrayOutputStream();
            handler.handleRequest(new ByteArrayInputStream(event), output, context);
            return output.toByteArray();
        };
    }

    @SuppressWarnings("unchecked") // its type arguments say what it takes
    private static EntryPoint ofObjects(Class<?> type, Payloads payloads) throws Fault {
        Type[] arguments = Generics.argumentsOf(type, RequestHandler.class);
        for (Type argument : arguments) {
            if (argument instanceof TypeVariable && Generics.rawClass(argument) == Object.class) {
                String message = " does not implement RequestHandler with concrete type parameters";
                throw Fault.ofFunction("Class " + type.getName() + message);
            }
        }
        RequestHandler<Object, Object> handler = (RequestHandler<Object, Object>) create(type);
        return (event, context) -> {
            Object input = payloads.toObject(event, arguments[0]);
            return payloads.toJson(handler.handleRequest(input, context), arguments[1]);
        };
    }

    /** An object of the function's class; what its constructor throws ends the Init phase. */
    static Object create(Class<?> type) throws Fault {
        try {
            return constructor(type).newInstance();
        } catch (InvocationTargetException error) {
            Throwable thrown = error.getCause();
            throw Fault.ofInit(Failure.messageOf(thrown), thrown);
        } catch (ReflectiveOperationException error) {
            throw Fault.ofInit(error.toString(), error);
        }
    }

    private static Constructor<?> constructor(Class<?> type) throws Fault {
        try {
            return type.getConstructor();
        } catch (NoSuchMethodException error) {
            boolean isInner = type.isMemberClass() && !Modifier.isStatic(type.getModifiers());
            String flaw =
                    isInner
                            ? " cannot be instantiated because it is a non-static inner class"
                            : " has no public zero-argument constructor";
            String message = "Class " + type.getName() + flaw;
            throw Fault.ofInit(message, new Exception(message));
        }
    }
}
