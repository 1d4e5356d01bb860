package lambdad.json;

import java.lang.reflect.Constructor;
import java.lang.reflect.Field;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.lang.reflect.Modifier;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * A class as JSON sees it: properties with getters and setters, and public fields.
 *
 * Of records, and of AWS's events that have no setters, an object is made of the values of all its
 * fields.
 */
final class Bean {
    private static final String EVENTS = "com.amazonaws.services.lambda.runtime.events.";
    private static final ClassValue<Bean> BEANS =
            new ClassValue<>() {
                @Override
                protected Bean computeValue(Class<?> type) {
                    return new Bean(type);
                }
            };

    /** Whether it is one of AWS's events, whose JSON has names and times of its own. */
    final boolean isAwsEvent;

    private final Class<?> type;
    private final Map<String, Property> properties = new TreeMap<>();
    private final Map<String, Property> ignoringCase = new TreeMap<>(String.CASE_INSENSITIVE_ORDER);
    private final List<Property> readable = new ArrayList<>();

    private Bean(Class<?> type) {
        this.type = type;
        isAwsEvent = type.getName().startsWith(EVENTS);
        if (isRecord()) {
            fields().forEach(this::addComponent);
        } else {
            addFields();
            addGetters();
            addSetters();
        }
        properties.values().stream().filter(Property::isReadable).forEach(readable::add);
        ignoringCase.putAll(properties);
    }

    static Bean of(Class<?> type) {
        return BEANS.get(type);
    }

    List<Property> readable() {
        return readable;
    }

    /** The property of this name that can be written, or null. */
    Property writable(String name) {
        Property property =
                isAwsEvent ? ignoringCase.get(name.replace("-", "")) : properties.get(name);
        return property != null && property.isWritable() ? property : null;
    }

    /** Whether it is made of the values of its fields. */
    boolean isMadeOfFields() {
        boolean isWritable = properties.values().stream().anyMatch(Property::isWritable);
        return isRecord() || (isAwsEvent && !isWritable && ofAllFields() != null);
    }

    /** An object without anything in it yet. */
    Object create() {
        Constructor<?> constructor = noArguments();
        if (constructor == null) {
            throw new JsonException(type.getName() + " has no constructor without parameters");
        }
        return construct(constructor);
    }

    /** An object of the values of its fields, in their order. */
    Object create(Object[] values) {
        return construct(ofAllFields(), values);
    }

    /** The constructor that takes as many values as there are fields. */
    Constructor<?> ofAllFields() {
        return Arrays.stream(type.getDeclaredConstructors())
                .filter(constructor -> constructor.getParameterCount() == fields().size())
                .filter(constructor -> !isRecord() || takesFieldsTypes(constructor))
                .findFirst()
                .orElse(null);
    }

    /** The fields of its objects, in the order in which they are declared. */
    List<Field> fields() {
        List<Field> fields = new ArrayList<>();
        for (Class<?> each = type; each != null; each = each.getSuperclass()) {
            for (Field field : each.getDeclaredFields()) {
                if (!Modifier.isStatic(field.getModifiers()) && !field.isSynthetic()) {
                    fields.add(field);
                }
            }
        }
        return fields;
    }

    /** java.lang.Record is younger than the oldest Java that this is compiled for. */
    private boolean isRecord() {
        Class<?> parent = type.getSuperclass();
        return parent != null && parent.getName().equals("java.lang.Record");
    }

    private boolean takesFieldsTypes(Constructor<?> constructor) {
        Class<?>[] types = fields().stream().map(Field::getType).toArray(Class<?>[]::new);
        return Arrays.equals(constructor.getParameterTypes(), types);
    }

    private Constructor<?> noArguments() {
        try {
            return type.getDeclaredConstructor();
        } catch (NoSuchMethodException error) {
            return null;
        }
    }

    private Object construct(Constructor<?> constructor, Object... values) {
        try {
            constructor.trySetAccessible();
            return constructor.newInstance(values);
        } catch (InvocationTargetException error) {
            throw new JsonException("Cannot make " + type.getName(), error.getCause());
        } catch (ReflectiveOperationException | IllegalArgumentException error) {
            throw new JsonException("Cannot make " + type.getName(), error);
        }
    }

    private void addComponent(Field field) {
        try {
            property(field.getName()).setGetter(type.getDeclaredMethod(field.getName()));
        } catch (NoSuchMethodException error) {
            throw new JsonException(type.getName() + " has no " + field.getName(), error);
        }
    }

    private void addFields() {
        for (Field field : type.getFields()) {
            int modifiers = field.getModifiers();
            if (!Modifier.isStatic(modifiers) && !Modifier.isTransient(modifiers)) {
                property(field.getName()).setField(field);
            }
        }
    }

    private void addGetters() {
        for (Method method : ownMethods(0)) {
            Class<?> result = method.getReturnType();
            if (result != void.class && isPrefixed("get", method)) {
                property(decapitalized(method.getName().substring(3))).setGetter(method);
            } else if (result == boolean.class && isPrefixed("is", method)) {
                property(decapitalized(method.getName().substring(2))).setGetter(method);
            }
        }
    }

    private void addSetters() {
        for (Method method : ownMethods(1)) {
            if (isPrefixed("set", method)) {
                property(decapitalized(method.getName().substring(3))).addSetter(method);
            }
        }
    }

    private List<Method> ownMethods(int parameters) {
        List<Method> methods = new ArrayList<>();
        for (Method method : type.getMethods()) {
            boolean isOwn = method.getDeclaringClass() != Object.class && !method.isBridge();
            boolean isStatic = Modifier.isStatic(method.getModifiers());
            if (isOwn && !isStatic && method.getParameterCount() == parameters) {
                methods.add(method);
            }
        }
        return methods;
    }

    private Property property(String name) {
        return properties.computeIfAbsent(name, Property::new);
    }

    private static boolean isPrefixed(String prefix, Method method) {
        return method.getName().startsWith(prefix) && method.getName().length() > prefix.length();
    }

    /** `userName` of `UserName`, but `URL` of `URL`. */
    private static String decapitalized(String name) {
        boolean isAbbreviation = name.length() > 1 && Character.isUpperCase(name.charAt(1));
        return isAbbreviation && Character.isUpperCase(name.charAt(0))
                ? name
                : Character.toLowerCase(name.charAt(0)) + name.substring(1);
    }
}
