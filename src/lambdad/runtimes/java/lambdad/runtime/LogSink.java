package lambdad.runtime;

import com.amazonaws.services.lambda.runtime.logging.LogLevel;
import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.io.PrintStream;
import java.io.UncheckedIOException;
import java.lang.reflect.Constructor;
import java.nio.ByteBuffer;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.Arrays;
import java.util.Map;

/** Where the messages of a function's log go. */
interface LogSink {
    String CHANNEL_VARIABLE = "_LAMBDA_TELEMETRY_LOG_FD";

    void write(byte[] message, LogLevel level, boolean isJson);

    /** The telemetry channel, where the platform offers one; else standard output as it is now: what
     * the function puts in its place may write to the log. */
    static LogSink open(Map<String, String> variables) {
        String descriptor = variables.remove(CHANNEL_VARIABLE);
        return descriptor == null
                ? lines(System.out)
                : frames(output(Integer.parseInt(descriptor)));
    }

    private static LogSink lines(PrintStream output) {
        return (message, level, isJson) -> {
            byte[] line = asLine(message);
            output.write(line, 0, line.length);
            output.flush();
        };
    }

    /** A line feed inside would end the event of the log in the middle of its message. */
    private static byte[] asLine(byte[] message) {
        int last = message.length - 1;
        boolean isEnded = last >= 0 && message[last] == '\n';
        byte[] line = Arrays.copyOf(message, isEnded ? message.length : message.length + 1);
        for (int i = 0; i < line.length; i++) {
            if (line[i] == '\n') {
                line[i] = '\r';
            }
        }
        line[line.length - 1] = '\n';
        return line;
    }

    /** Frames keep a message of several lines in one piece. */
    private static LogSink frames(OutputStream channel) {
        return (message, level, isJson) -> {
            ByteBuffer frame = ByteBuffer.allocate(16 + message.length);
            frame.putInt(0xA55A0003 + 4 * level.ordinal() - (isJson ? 1 : 0));
            frame.putInt(message.length);
            frame.putLong(ChronoUnit.MICROS.between(Instant.EPOCH, Instant.now()));
            frame.put(message);
            try {
                channel.write(frame.array());
            } catch (IOException error) {
                throw new UncheckedIOException(error);
            }
        };
    }

    private static OutputStream output(int number) {
        try {
            Constructor<FileDescriptor> constructor =
                    FileDescriptor.class.getDeclaredConstructor(int.class);
            constructor.setAccessible(true);
            return new FileOutputStream(constructor.newInstance(number));
        } catch (ReflectiveOperationException error) {
            throw new IllegalStateException("Java has no descriptor " + number, error);
        }
    }
}
