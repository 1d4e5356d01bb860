package lambdad.runtime;

import java.io.IOException;
import java.util.Map;

/** Takes events from the Runtime API and posts what becomes of them. */
final class Serving {
    private static final String TRACE_VARIABLE = "_X_AMZN_TRACE_ID";
    private static final String TRACE_PROPERTY = "com.amazonaws.xray.traceHeader";

    private final RuntimeApi api;
    private final EntryPoint handler;
    private final Map<String, String> variables;
    private final FunctionLog log;

    Serving(RuntimeApi api, EntryPoint handler, Map<String, String> variables, FunctionLog log) {
        this.api = api;
        this.handler = handler;
        this.variables = variables;
        this.log = log;
    }

    /** Run one invocation. */
    void serveNext() throws IOException {
        Invocation invocation = api.next();
        log.begin(invocation);
        setTraceId(invocation.traceId);
        byte[] response;
        try {
            InvocationContext context = new InvocationContext(invocation, variables, log);
            response = handler.call(invocation.event, context);
        } catch (Throwable thrown) {
            fail(invocation, thrown);
            return;
        } finally {
            Thread.interrupted(); // of that invocation, not of the next
        }
        api.respond(invocation.requestId, response);
    }

    /** A process whose virtual machine failed, as of its memory, is not to be trusted. */
    private void fail(Invocation invocation, Throwable thrown) throws IOException {
        Failure failure = Failure.of(thrown);
        log.log(failure);
        api.fail(invocation.requestId, failure);
        if (thrown instanceof VirtualMachineError) {
            System.exit(1);
        }
    }

    private void setTraceId(String traceId) {
        if (traceId == null) {
            variables.remove(TRACE_VARIABLE);
            System.clearProperty(TRACE_PROPERTY);
        } else {
            variables.put(TRACE_VARIABLE, traceId);
            System.setProperty(TRACE_PROPERTY, traceId);
        }
    }
}
