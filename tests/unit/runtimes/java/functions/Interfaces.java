package example;

import com.amazonaws.services.lambda.runtime.Context;
import com.amazonaws.services.lambda.runtime.RequestHandler;
import com.amazonaws.services.lambda.runtime.RequestStreamHandler;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.util.List;
import java.util.Map;

/** Classes that are handlers by their interface. */
public class Interfaces {
    public static class Echo implements RequestHandler<Object, Object> {
        public Object handleRequest(Object input, Context context) {
            return input;
        }
    }

    public static class Streams implements RequestStreamHandler {
        public void handleRequest(InputStream input, OutputStream output, Context context)
                throws IOException {
            input.transferTo(output);
        }
    }

    public abstract static class Totals<T extends Number>
            implements RequestHandler<List<T>, Double> {
        public Double handleRequest(List<T> input, Context context) {
            return input.stream().mapToDouble(Number::doubleValue).sum();
        }
    }

    public static class IntegerTotals extends Totals<Integer> {
        @Override
        public Double handleRequest(List<Integer> input, Context context) {
            return super.handleRequest(input, context) + input.get(0).intValue();
        }
    }

    public static class Raw<T> implements RequestHandler<T, T> {
        public T handleRequest(T input, Context context) {
            return input;
        }
    }

    public static class Nothing {}

    public static class NoConstructor implements RequestHandler<Object, Object> {
        public NoConstructor(String needed) {}

        public Object handleRequest(Object input, Context context) {
            return null;
        }
    }

    public class Inner extends Echo {}

    public static class ThrowsWhenMade extends Echo {
        public ThrowsWhenMade() {
            throw new IllegalStateException("not today");
        }
    }

    public static class ThrowsWhenLoaded extends Echo {
        static final int NUMBER = Integer.parseInt("x");
    }

    public static class Lacks extends Echo {
        public static final Missing MISSING = new Missing();
    }

    /** Tests take it away. */
    public static class Missing {}

    public static class TakesMissing implements RequestHandler<Missing, Object> {
        public Object handleRequest(Missing input, Context context) {
            return null;
        }

        public Object take(Missing input) {
            return null;
        }
    }

    public static class ExitsWhenLoaded extends Echo {
        static {
            System.exit(5);
        }
    }

    public static class Resource implements RequestHandler<Map<String, String>, String> {
        public String handleRequest(Map<String, String> input, Context context) {
            ClassLoader classes = Thread.currentThread().getContextClassLoader();
            return String.valueOf(classes.getResource(input.get("name")));
        }
    }
}
