package lambdad.runtime;

import com.amazonaws.services.lambda.runtime.Context;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.InputStream;
import java.io.OutputStream;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.lang.reflect.Modifier;
import java.lang.reflect.Type;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.stream.Collectors;

/**
 * A method that a handler's name names.
 *
 * <pre>
 * Result name(Input)             void name(InputStream, OutputStream)
 * Result name(Input, Context)    void name(InputStream, OutputStream, Context)
 * Result name()                  Result name(Context)
 * </pre>
 */
final class HandlerMethod implements EntryPoint {
    private static final Object[] NONE = {};

    private final Method method;
    private final Object target;
    private final Payloads payloads;
    private final Class<?>[] parameters;
    private final Type input;
    private final Type result;

    private HandlerMethod(Method method, Class<?> type, Payloads payloads) throws Fault {
        this.method = method;
        this.payloads = payloads;
        method.trySetAccessible();
        target = Modifier.isStatic(method.getModifiers()) ? null : HandlerLookup.create(type);
        parameters = method.getParameterTypes();
        input = takesInput(parameters) ? method.getGenericParameterTypes()[0] : null;
        result = method.getGenericReturnType();
    }

    /** The method of this name; of several, the one with a context and most parameters. */
    static EntryPoint find(Class<?> type, String name, Payloads payloads) throws Fault {
        List<Method> suitable =
                Arrays.stream(type.getMethods())
                        .filter(method -> method.getName().equals(name) && !method.isBridge())
                        .filter(method -> isSuitable(method.getParameterTypes()))
                        .sorted(Comparator.comparing(HandlerMethod::rank).reversed())
                        .collect(Collectors.toList());
        if (suitable.isEmpty()) {
            String flaw = " with appropriate method signature found on class ";
            throw Fault.ofFunction("No public method named " + name + flaw + type.getName());
        }
        return new HandlerMethod(suitable.get(0), type, payloads);
    }

    @Override
    public byte[] call(byte[] event, Context context) throws Throwable {
        ByteArrayOutputStream output = new ByteArrayOutputStream();
        Object given = invoke(arguments(event, output, context));
        return writesOutput(parameters) ? output.toByteArray() : payloads.toJson(given, result);
    }

    private Object[] arguments(byte[] event, OutputStream output, Context context) {
        if (parameters.length == 0) {
            return NONE;
        }
        Object[] arguments = new Object[parameters.length];
        for (int i = 0; i < arguments.length; i++) {
            if (parameters[i] == Context.class) {
                arguments[i] = context;
            } else if (parameters[i] == InputStream.class) {
                arguments[i] = new ByteArrayInputStream(event);
            } else {
                arguments[i] = parameters[i] == OutputStream.class ? output : null;
            }
        }
        if (input != null) {
            arguments[0] = payloads.toObject(event, input);
        }
        return arguments;
    }

    private Object invoke(Object[] arguments) throws Throwable {
        try {
            return method.invoke(target, arguments);
        } catch (InvocationTargetException error) {
            throw error.getCause();
        }
    }

    private static boolean isSuitable(Class<?>[] parameters) {
        int withoutContext = parameters.length - (endsWithContext(parameters) ? 1 : 0);
        if (withoutContext == 2) {
            return parameters[0] == InputStream.class && parameters[1] == OutputStream.class;
        }
        return withoutContext < 2 && !writesOutput(parameters);
    }

    private static boolean takesInput(Class<?>[] parameters) {
        return parameters.length > 0
                && parameters[0] != Context.class
                && parameters[0] != InputStream.class;
    }

    private static boolean writesOutput(Class<?>[] parameters) {
        return Arrays.asList(parameters).contains(OutputStream.class);
    }

    private static boolean endsWithContext(Class<?>[] parameters) {
        return parameters.length > 0 && parameters[parameters.length - 1] == Context.class;
    }

    private static int rank(Method method) {
        Class<?>[] parameters = method.getParameterTypes();
        return parameters.length + (endsWithContext(parameters) ? 10 : 0);
    }
}
