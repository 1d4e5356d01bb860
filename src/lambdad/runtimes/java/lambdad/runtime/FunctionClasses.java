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
    private FunctionClasses(List<URL> places, ClassLoader parent) {
        super(places.toArray(new URL[0]), parent);
    }

    /** Those of a package at `root` and of jars in `layers`, behind those of `parent`. */
    static FunctionClasses at(File root, File layers, ClassLoader parent)
            throws MalformedURLException {
        List<URL> places = new ArrayList<>();
        places.add(url(root));
        addJars(new File(root, "lib"), places);
        addJars(layers, places);
        return new FunctionClasses(places, parent);
    }

    private static void addJars(File directory, List<URL> places) throws MalformedURLException {
        String[] names = directory.list();
        if (names != null) {
            Arrays.sort(names);
            for (String name : names) {
                if (name.endsWith(".jar")) {
                    places.add(url(new File(directory, name)));
                }
            }
        }
    }

    private static URL url(File place) throws MalformedURLException {
        return place.toURI().toURL();
    }
}
