package lambdad.runtime;

import com.amazonaws.services.lambda.runtime.Client;
import com.amazonaws.services.lambda.runtime.ClientContext;
import com.amazonaws.services.lambda.runtime.CognitoIdentity;
import java.util.LinkedHashMap;
import java.util.Map;
import lambdad.json.JsonReader;

/** Who called: a mobile application, a Cognito identity, or neither. */
final class Caller {
    /** Null when the caller says nothing about itself. */
    final ClientContext clientContext;

    /** Always there; without an identity all of it is empty, as at AWS. */
    final CognitoIdentity identity;

    Caller(Invocation invocation) {
        Map<?, ?> context = read(invocation.clientContext);
        clientContext = context.isEmpty() ? null : new ToldContext(context);
        identity = new ToldIdentity(read(invocation.cognitoIdentity));
    }

    private static Map<?, ?> read(String json) {
        return json == null || json.isEmpty() ? Map.of() : members(JsonReader.read(json));
    }

    private static Map<?, ?> members(Object value) {
        return value instanceof Map ? (Map<?, ?>) value : Map.of();
    }

    private static String text(Map<?, ?> values, String name) {
        Object value = values.get(name);
        return value == null ? null : value.toString();
    }

    private static Map<String, String> texts(Object values) {
        Map<String, String> texts = new LinkedHashMap<>();
        members(values).forEach((name, value) -> texts.put((String) name, String.valueOf(value)));
        return texts;
    }

    private static final class ToldIdentity implements CognitoIdentity {
        private final Map<?, ?> values;

        ToldIdentity(Map<?, ?> values) {
            this.values = values;
        }

        @Override
        public String getIdentityId() {
            return text(values, "cognitoIdentityId");
        }

        @Override
        public String getIdentityPoolId() {
            return text(values, "cognitoIdentityPoolId");
        }
    }

    private static final class ToldContext implements ClientContext {
        private final Map<?, ?> values;

        ToldContext(Map<?, ?> values) {
            this.values = values;
        }

        @Override
        public Client getClient() {
            Object client = values.get("client");
            return client == null ? null : new ToldClient(members(client));
        }

        @Override
        public Map<String, String> getCustom() {
            return texts(values.get("custom"));
        }

        @Override
        public Map<String, String> getEnvironment() {
            return texts(values.get("env"));
        }
    }

    private static final class ToldClient implements Client {
        private final Map<?, ?> values;

        ToldClient(Map<?, ?> values) {
            this.values = values;
        }

        @Override
        public String getInstallationId() {
            return text(values, "installation_id");
        }

        @Override
        public String getAppTitle() {
            return text(values, "app_title");
        }

        @Override
        public String getAppVersionName() {
            return text(values, "app_version_name");
        }

        @Override
        public String getAppVersionCode() {
            return text(values, "app_version_code");
        }

        @Override
        public String getAppPackageName() {
            return text(values, "app_package_name");
        }
    }
}
