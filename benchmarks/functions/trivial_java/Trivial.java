import com.amazonaws.services.lambda.runtime.Context;
import com.amazonaws.services.lambda.runtime.RequestHandler;
import java.util.Map;

/** The least that a function can do. The count tells a cold invocation, 1, from a warm one. */
public class Trivial implements RequestHandler<Map<String, Object>, Map<String, Integer>> {
    private static int count = 0;

    @Override
    public Map<String, Integer> handleRequest(Map<String, Object> event, Context context) {
        count++;
        return Map.of("count", count);
    }
}
