package lambdad.runtime;

import java.util.Map;

/** One event, and what the Runtime API says about it; what it does not say is null. */
final class Invocation {
    final String requestId;
    final String traceId;
    final String functionArn;
    final long deadlineMs;
    final String clientContext;
    final String cognitoIdentity;
    final String tenantId;
    final byte[] event;

    Invocation(HttpAnswer answer) {
        Map<String, String> headers = answer.headers;
        requestId = headers.get("Lambda-Runtime-Aws-Request-Id");
        traceId = headers.get("Lambda-Runtime-Trace-Id");
        functionArn = headers.get("Lambda-Runtime-Invoked-Function-Arn");
        deadlineMs = Long.parseLong(headers.getOrDefault("Lambda-Runtime-Deadline-Ms", "0"));
        clientContext = headers.get("Lambda-Runtime-Client-Context");
        cognitoIdentity = headers.get("Lambda-Runtime-Cognito-Identity");
        tenantId = headers.get("Lambda-Runtime-Aws-Tenant-Id");
        event = answer.body;
    }
}
