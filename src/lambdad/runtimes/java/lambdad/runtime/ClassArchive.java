package lambdad.runtime;

import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Enumeration;
import java.util.jar.JarEntry;
import java.util.jar.JarFile;
import java.util.stream.Stream;

/**
 * Loads and links the classes of a function, and initializes none: no code of the function runs.
 * Java, told to archive what was loaded, does so when this has ended.
 */
final class ClassArchive {
    private static final int MOST_CLASSES = 10_000;
    private static final String SUFFIX = ".class";

    private final FunctionClasses classes;
    private int count;

    private ClassArchive(FunctionClasses classes) {
        this.classes = classes;
    }

    public static void main(String[] arguments) throws IOException {
        File root = new File(System.getenv("LAMBDA_TASK_ROOT"));
        ClassLoader own = ClassArchive.class.getClassLoader();
        FunctionClasses classes = FunctionClasses.at(root, Bootstrap.LAYERS, own);
        ClassArchive archive = new ClassArchive(classes);
        archive.addDirectory(root.toPath());
        for (File jar : classes.jars()) {
            archive.addJar(jar);
        }
        if (archive.count == 0) {
            System.exit(1);
        }
    }

    private void addDirectory(Path root) throws IOException {
        try (Stream<Path> files = Files.walk(root)) {
            files.forEach(file -> add(root.relativize(file).toString()));
        }
    }

    /** One that nobody can read has no classes. */
    private void addJar(File file) {
        try (JarFile jar = new JarFile(file)) {
            Enumeration<JarEntry> entries = jar.entries();
            while (entries.hasMoreElements()) {
                add(entries.nextElement().getName());
            }
        } catch (IOException | RuntimeException error) {
            return;
        }
    }

    /** Java links a class when it is asked for its constructors; one that lacks something that it
     * needs is not for the archive. */
    private void add(String file) {
        if (!file.endsWith(SUFFIX) || file.startsWith("META-INF/") || count == MOST_CLASSES) {
            return;
        }
        try {
            String name = file.substring(0, file.length() - SUFFIX.length());
            classes.loadClass(name.replace('/', '.')).getDeclaredConstructors();
            count++;
        } catch (ClassNotFoundException | LinkageError | RuntimeException error) {
            return;
        }
    }
}
