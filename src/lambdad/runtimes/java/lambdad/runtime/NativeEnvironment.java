package lambdad.runtime;

import java.io.ByteArrayOutputStream;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import jdk.internal.misc.Unsafe;

/**
 * The environment variables as C has them: child processes inherit these, unless Java gives them
 * others. Java cannot change them, so the list that `environ` points to is replaced by another.
 */
final class NativeEnvironment {
    private static final Unsafe MEMORY = Unsafe.getUnsafe();

    private NativeEnvironment() {}

    static void replace(Map<String, String> variables) {
        try {
            long list = write(variables);
            copy(addresses(1).putLong(list).array(), addressOf("environ"));
        } catch (ReflectiveOperationException error) {
            throw new IllegalStateException("This Java's environment cannot be changed", error);
        }
    }

    /** Where there are now: addresses, of which the last is null, and the texts behind them, each of
     * which ends with a null byte. */
    private static long write(Map<String, String> variables) {
        ByteArrayOutputStream texts = new ByteArrayOutputStream();
        int[] starts = new int[variables.size()];
        int count = 0;
        for (Map.Entry<String, String> variable : variables.entrySet()) {
            starts[count++] = texts.size();
            String text = variable.getKey() + "=" + variable.getValue() + "\0";
            texts.writeBytes(text.getBytes(StandardCharsets.UTF_8));
        }
        int listSize = (count + 1) * Long.BYTES;
        long block = MEMORY.allocateMemory(listSize + texts.size());
        ByteBuffer list = addresses(count + 1);
        for (int start : starts) {
            list.putLong(block + listSize + start);
        }
        copy(list.array(), block);
        copy(texts.toByteArray(), block + listSize);
        return block;
    }

    private static ByteBuffer addresses(int count) {
        return ByteBuffer.allocate(count * Long.BYTES).order(ByteOrder.nativeOrder());
    }

    private static void copy(byte[] bytes, long address) {
        MEMORY.copyMemory(bytes, Unsafe.ARRAY_BYTE_BASE_OFFSET, null, address, bytes.length);
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
