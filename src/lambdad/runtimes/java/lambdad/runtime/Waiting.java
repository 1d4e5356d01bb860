package lambdad.runtime;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import java.util.TimeZone;
import lambdad.json.JsonReader;

/** A process that is started ahead learns from its standard input which function it is for. */
final class Waiting {
    private static final String VARIABLE = "_LAMBDAD_WAITS";
    private static final String BRIEFLY = "briefly";

    private Waiting() {}

    static boolean isWanted(Map<String, String> variables) {
        return variables.containsKey(VARIABLE);
    }

    /** Whether the function is on its way, so that there is no time for a rehearsal. */
    static boolean isBrief(Map<String, String> variables) {
        return BRIEFLY.equals(variables.get(VARIABLE));
    }

    /** Become an environment of the function whose variables arrive; false when none do. */
    static boolean untilTold(Map<String, String> variables) throws IOException {
        byte[] told = System.in.readAllBytes();
        if (told.length == 0) {
            return false;
        }
        become(told, variables);
        return true;
    }

    /** Replace the process's variables by those that it is told. */
    static void become(byte[] told, Map<String, String> variables) {
        Map<?, ?> message = (Map<?, ?>) JsonReader.read(new String(told, StandardCharsets.UTF_8));
        Map<?, ?> wanted = (Map<?, ?>) message.get("variables");
        variables.clear();
        wanted.forEach((name, value) -> variables.put((String) name, (String) value));
        NativeEnvironment.replace(variables);
        applyTimeZone(variables.get("TZ"));
    }

    /** Java has read the zone when it started. */
    private static void applyTimeZone(String zone) {
        if (zone != null) {
            System.setProperty("user.timezone", zone.startsWith(":") ? zone.substring(1) : zone);
            TimeZone.setDefault(null);
        }
    }
}
