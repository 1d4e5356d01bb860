package lambdad.runtime;

import java.io.File;
import java.io.FileInputStream;
import java.io.FileNotFoundException;
import java.io.IOException;
import java.net.MalformedURLException;
import java.net.URI;
import java.net.URL;
import java.net.URLClassLoader;
import java.security.CodeSource;
import java.security.cert.Certificate;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * Loads the function's classes: from its package, then from the jars in it and in its layers.
 *
 * What Java and the runtime may have is asked of them first. To ask them for everything would take a
 * cold start an exception for each of the function's classes.
 */
final class FunctionClasses extends URLClassLoader {
    private static final String[] OF_PARENTS = {
        "java.", "javax.", "jdk.", "sun.", "com.sun.", "org.ietf.", "org.jcp.", "org.w3c.",
        "org.xml.", "netscape.", "lambdad.", "com.amazonaws.services.lambda.runtime.",
    };

    private final String root;
    private final CodeSource source;

    private FunctionClasses(File root, List<URL> places, ClassLoader parent) {
        super(places.toArray(new URL[0]), parent);
        this.root = root.getPath() + "/";
        source = new CodeSource(places.get(0), (Certificate[]) null);
    }

    /** Those of a package at `root` and of jars in `layers`, behind those of `parent`. */
    static FunctionClasses at(File root, File layers, ClassLoader parent)
            throws MalformedURLException {
        List<URL> places = new ArrayList<>();
        places.add(url(root));
        addJars(new File(root, "lib"), places);
        addJars(layers, places);
        return new FunctionClasses(root, places, parent);
    }

    /** Those of them that are jars. */
    List<File> jars() {
        List<File> jars = new ArrayList<>();
        for (URL place : getURLs()) {
            if (place.getPath().endsWith(".jar")) {
                jars.add(new File(URI.create(place.toString())));
            }
        }
        return jars;
    }

    @Override
    protected Class<?> loadClass(String name, boolean resolve) throws ClassNotFoundException {
        if (isOfParents(name)) {
            return super.loadClass(name, resolve);
        }
        synchronized (getClassLoadingLock(name)) {
            Class<?> loaded = findLoadedClass(name);
            if (loaded != null) {
                return loaded;
            }
            try {
                return findClass(name);
            } catch (ClassNotFoundException error) {
                return getParent().loadClass(name); // as of an agent that the function has
            }
        }
    }

    private static boolean isOfParents(String name) {
        for (String start : OF_PARENTS) {
            if (name.startsWith(start)) {
                return true;
            }
        }
        return false;
    }

    /** What lies in the package itself needs none of what there is for files that are anywhere. */
    @Override
    protected Class<?> findClass(String name) throws ClassNotFoundException {
        byte[] content;
        try (FileInputStream file = new FileInputStream(root + name.replace('.', '/') + ".class")) {
            content = file.readAllBytes();
        } catch (FileNotFoundException error) {
            return super.findClass(name);
        } catch (IOException error) {
            throw new ClassNotFoundException(name, error);
        }
        int end = name.lastIndexOf('.');
        if (end > 0 && getDefinedPackage(name.substring(0, end)) == null) {
            definePackage(name.substring(0, end), null, null, null, null, null, null, null);
        }
        return defineClass(name, content, 0, content.length, source);
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
