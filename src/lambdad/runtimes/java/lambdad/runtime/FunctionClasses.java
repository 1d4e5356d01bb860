package lambdad.runtime;

import java.io.File;
import java.net.MalformedURLException;
import java.net.URL;
import java.net.URLClassLoader;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** Loads the function's classes: from its package, then from the jars in it and in its layers. */
final class FunctionClasses extends URLClassLoader {
    private static final String LAYERS = "/opt/java/lib";

    private FunctionClasses(List<URL> places, ClassLoader parent) {
        super(places.toArray(new URL[0]), parent);
    }

    /** Those of a function whose package is at `root`, and all that Java and the runtime have. */
    static FunctionClasses at(String root) throws MalformedURLException {
        List<URL> places = new ArrayList<>();
        places.add(url(new File(root)));
        addJars(new File(root, "lib"), places);
        addJars(new File(LAYERS), places);
        return new FunctionClasses(places, ClassLoader.getSystemClassLoader());
    }

    /** Those in `places` alone, and Java's. */
    static FunctionClasses in(List<File> places) throws MalformedURLException {
        List<URL> urls = new ArrayList<>();
        for (File place : places) {
            urls.add(url(place));
        }
        return new FunctionClasses(urls, ClassLoader.getPlatformClassLoader());
    }

    private static void addJars(File directory, List<URL> places) throws MalformedURLException {
        File[] jars = directory.listFiles((parent, name) -> name.endsWith(".jar"));
        if (jars != null) {
            Arrays.sort(jars);
            for (File jar : jars) {
                places.add(url(jar));
            }
        }
    }

    private static URL url(File place) throws MalformedURLException {
        return place.toURI().toURL();
    }
}
