package lambdad.runtime;

import java.lang.reflect.Constructor;
import java.lang.reflect.Field;
import java.util.Map;

/**
 * The environment variables of this process, as System.getenv shows them and as its child processes
 * get them, in a map that can be changed.
 */
final class Variables {
    private Variables() {}

    static Map<String, String> ofProcess() {
        try {
            Class<?> environment = Class.forName("java.lang.ProcessEnvironment");
            Field contents = environment.getDeclaredField("theEnvironment");
            contents.setAccessible(true);
            Constructor<?> view =
                    Class.forName("java.lang.ProcessEnvironment$StringEnvironment")
                            .getDeclaredConstructor(Map.class);
            view.setAccessible(true);
            return texts(view.newInstance(contents.get(null)));
        } catch (ReflectiveOperationException error) {
            throw new IllegalStateException("This Java's environment cannot be changed", error);
        }
    }

    @SuppressWarnings("unchecked") // a StringEnvironment maps text to text
    private static Map<String, String> texts(Object view) {
        return (Map<String, String>) view;
    }
}
