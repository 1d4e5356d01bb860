package lambdad.runtime;

import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * The environment variables as C has them: child processes inherit these, unless Java gives them
 * others. Java cannot change them, so the list that `environ` points to is replaced by another.
 */
final class NativeEnvironment {
    private static final int ADDRESS_SIZE = Long.BYTES;

    private final Object unsafe;

    private NativeEnvironment() throws ReflectiveOperationException {
        unsafe = Class.forName("jdk.internal.misc.Unsafe").getMethod("getUnsafe").invoke(null);
    }

    static void replace(Map<String, String> variables) {
        try {
            new NativeEnvironment().write(variables);
        } catch (ReflectiveOperationException error) {
            throw new IllegalStateException("This Java's environment cannot be changed", error);
        }
    }

    /** The list ends with a null pointer. */
    private void write(Map<String, String> variables) throws ReflectiveOperationException {
        List<Long> strings = new ArrayList<>();
        for (Map.Entry<String, String> variable : variables.entrySet()) {
            strings.add(string(variable.getKey() + "=" + variable.getValue()));
        }
        strings.add(0L);
        long list = allocate(strings.size() * ADDRESS_SIZE);
        for (int i = 0; i < strings.size(); i++) {
            putAddress(list + i * ADDRESS_SIZE, strings.get(i));
        }
        putAddress(addressOf("environ"), list);
    }

    /** A text as C has it, which ends with a null byte. */
    private long string(String text) throws ReflectiveOperationException {
        byte[] bytes = (text + "\0").getBytes(StandardCharsets.UTF_8);
        long address = allocate(bytes.length);
        Method putByte = unsafe.getClass().getMethod("putByte", long.class, byte.class);
        for (int i = 0; i < bytes.length; i++) {
            putByte.invoke(unsafe, address + i, bytes[i]);
        }
        return address;
    }

    private long allocate(long size) throws ReflectiveOperationException {
        Method allocate = unsafe.getClass().getMethod("allocateMemory", long.class);
        return (long) allocate.invoke(unsafe, size);
    }

    private void putAddress(long address, long value) throws ReflectiveOperationException {
        Class<?> type = unsafe.getClass();
        type.getMethod("putAddress", long.class, long.class).invoke(unsafe, address, value);
    }

    /** Where a symbol is, in Java's own libraries and in C's, on which they depend. */
    private static long addressOf(String symbol) throws ReflectiveOperationException {
        for (Method method : ClassLoader.class.getDeclaredMethods()) {
            if (method.getName().equals("findNative")) {
                long address = find(method, symbol);
                if (address != 0) {
                    return address;
                }
            }
        }
        throw new NoSuchFieldException(symbol);
    }

    /** Its parameters differ from one Java to another; null are the libraries of Java itself. */
    private static long find(Method findNative, String symbol)
            throws IllegalAccessException, InvocationTargetException {
        Class<?>[] types = findNative.getParameterTypes();
        Object[] arguments = new Object[types.length];
        arguments[List.of(types).indexOf(String.class)] = symbol;
        findNative.setAccessible(true);
        return (long) findNative.invoke(null, arguments);
    }
}
