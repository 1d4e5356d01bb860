package lambdad.runtime;

import com.amazonaws.services.lambda.runtime.Context;
import com.amazonaws.services.lambda.runtime.RequestHandler;
import java.util.List;
import java.util.Map;

/** What the rehearsal calls: handlers of several kinds. */
public final class RehearsedFunction {
    private RehearsedFunction() {}

    /** Something with properties of many types. */
    public static final class Sample {
        private String name;
        private int count;
        private double ratio;
        private boolean isNew;
        private List<String> tags;
        private List<Sample> parts;
        private Map<String, Object> more;

        public String getName() {
            return name;
        }

        public void setName(String name) {
            this.name = name;
        }

        public int getCount() {
            return count;
        }

        public void setCount(int count) {
            this.count = count;
        }

        public double getRatio() {
            return ratio;
        }

        public void setRatio(double ratio) {
            this.ratio = ratio;
        }

        public boolean isNew() {
            return isNew;
        }

        public void setNew(boolean isNew) {
            this.isNew = isNew;
        }

        public List<String> getTags() {
            return tags;
        }

        public void setTags(List<String> tags) {
            this.tags = tags;
        }

        public List<Sample> getParts() {
            return parts;
        }

        public void setParts(List<Sample> parts) {
            this.parts = parts;
        }

        public Map<String, Object> getMore() {
            return more;
        }

        public void setMore(Map<String, Object> more) {
            this.more = more;
        }
    }

    /** A handler with an interface. */
    public static final class Echo implements RequestHandler<Sample, Sample> {
        @Override
        public Sample handleRequest(Sample input, Context context) {
            context.getLogger().log("rehearsed by " + context.getAwsRequestId());
            return input;
        }
    }

    /** Handlers that are methods. */
    public static final class Methods {
        public Map<String, Object> pass(Map<String, Object> input, Context context) {
            context.getRemainingTimeInMillis();
            return input;
        }

        public String fail(Object input) {
            throw new IllegalStateException("rehearsed", new RuntimeException());
        }
    }
}
