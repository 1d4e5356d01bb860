package lambdad.json;

import java.io.Serializable;
import java.lang.reflect.Array;
import java.lang.reflect.Constructor;
import java.lang.reflect.Field;
import java.lang.reflect.Modifier;
import java.lang.reflect.Type;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Date;
import java.util.EnumMap;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.concurrent.ConcurrentSkipListMap;

/**
 * Makes of what {@link JsonReader} gives the objects that a handler takes.
 *
 * What a class does not have is passed over, a null or blank primitive is zero, a value alone is an
 * array of one where an array is wanted, and empty text is no object.
 *
 * Loops have no lambdas here: each takes more of the stack for every level of the JSON, and the
 * deepest that is read has to fit.
 */
public final class Binding {
    private static final long MILLISECONDS = 1000;
    private static final List<Class<?>> USUAL_COLLECTIONS =
            List.of(ArrayList.class, LinkedHashSet.class, TreeSet.class, ArrayDeque.class);
    private static final List<Class<?>> USUAL_MAPS =
            List.of(LinkedHashMap.class, TreeMap.class, ConcurrentSkipListMap.class);

    private Binding() {}

    /** `value` as a `type`. */
    public static Object bind(Object value, Type type) {
        Class<?> raw = boxed(Generics.rawClass(type));
        if (raw == Optional.class) {
            return Optional.ofNullable(bind(value, Generics.argumentsOf(type, Optional.class)[0]));
        }
        if (value == null || raw == Void.class) {
            return zero(Generics.rawClass(type));
        }
        if (raw == Object.class || raw == Serializable.class) {
            return natural(value);
        }
        if (!(value instanceof Map) && !(value instanceof List) && Scalars.areOf(raw)) {
            Object scalar = Scalars.toJava(value, raw);
            return scalar == null ? zero(Generics.rawClass(type)) : scalar;
        }
        if (raw.isArray()) {
            return array(value, type, raw);
        }
        if (Collection.class.isAssignableFrom(raw) || raw == Iterable.class) {
            return collection(value, type, raw);
        }
        if (value.equals("")) {
            return null;
        }
        if (value instanceof Map && Map.class.isAssignableFrom(raw)) {
            return map((Map<?, ?>) value, type, raw);
        }
        if (!(value instanceof Map) || Scalars.areOf(raw)) {
            throw new JsonException(Scalars.misfit(value, raw));
        }
        return object((Map<?, ?>) value, type, raw);
    }

    private static Object object(Map<?, ?> members, Type type, Class<?> raw) {
        Bean bean = Bean.of(raw);
        return bean.isMadeOfFields()
                ? ofFields(members, type, bean)
                : ofSetters(members, type, bean);
    }

    private static Object ofSetters(Map<?, ?> members, Type type, Bean bean) {
        Object object = bean.create();
        for (Map.Entry<?, ?> member : members.entrySet()) {
            Property property = bean.writable((String) member.getKey());
            if (property != null) {
                property.write(object, member(member.getValue(), property.typeIn(type), bean));
            }
        }
        return object;
    }

    private static Object ofFields(Map<?, ?> members, Type type, Bean bean) {
        Constructor<?> constructor = bean.ofAllFields();
        Type[] types = constructor.getGenericParameterTypes();
        List<Field> fields = bean.fields();
        Object[] values = new Object[types.length];
        for (int i = 0; i < values.length; i++) {
            Type wanted = Generics.resolve(types[i], type, constructor.getDeclaringClass());
            values[i] = member(named(members, fields.get(i).getName(), bean), wanted, bean);
        }
        return bean.create(values);
    }

    private static Object named(Map<?, ?> members, String name, Bean bean) {
        if (!bean.isAwsEvent || members.containsKey(name)) {
            return members.get(name);
        }
        for (Map.Entry<?, ?> member : members.entrySet()) {
            if (name.equalsIgnoreCase((String) member.getKey())) {
                return member.getValue();
            }
        }
        return null;
    }

    /** The value of a property. AWS's events tell times in seconds. */
    private static Object member(Object value, Type wanted, Bean bean) {
        if (bean.isAwsEvent && wanted == Date.class && value instanceof Number) {
            return new Date((long) (((Number) value).doubleValue() * MILLISECONDS));
        }
        return bind(value, wanted);
    }

    private static Object array(Object value, Type type, Class<?> raw) {
        Type component = Generics.componentOf(type);
        List<?> elements = elements(value);
        Object array = Array.newInstance(raw.getComponentType(), elements.size());
        for (int i = 0; i < elements.size(); i++) {
            Array.set(array, i, bind(elements.get(i), component));
        }
        return array;
    }

    private static Object collection(Object value, Type type, Class<?> raw) {
        Class<?> generic = raw == Iterable.class ? Iterable.class : Collection.class;
        Type element = Generics.argumentsOf(type, generic)[0];
        Collection<Object> collection = newCollection(raw);
        for (Object each : elements(value)) {
            collection.add(bind(each, element));
        }
        return collection;
    }

    private static List<?> elements(Object value) {
        return value instanceof List ? (List<?>) value : List.of(value);
    }

    @SuppressWarnings("unchecked") // a collection takes whatever its declaration says
    private static Collection<Object> newCollection(Class<?> raw) {
        return (Collection<Object>) Bean.of(concrete(raw, USUAL_COLLECTIONS)).create();
    }

    private static Object map(Map<?, ?> members, Type type, Class<?> raw) {
        Type[] arguments = Generics.argumentsOf(type, Map.class);
        Map<Object, Object> map = newMap(raw, Generics.rawClass(arguments[0]));
        for (Map.Entry<?, ?> member : members.entrySet()) {
            Object name = bind(member.getKey(), arguments[0]);
            map.put(name, bind(member.getValue(), arguments[1]));
        }
        return map;
    }

    @SuppressWarnings({"unchecked", "rawtypes"}) // a map takes whatever its declaration says
    private static Map<Object, Object> newMap(Class<?> raw, Class<?> key) {
        if (raw == Map.class) {
            return new LinkedHashMap<>();
        }
        if (raw == EnumMap.class) {
            return new EnumMap(key);
        }
        return (Map<Object, Object>) Bean.of(concrete(raw, USUAL_MAPS)).create();
    }

    /** The class itself, or the first of the usual ones that is such a thing. */
    private static Class<?> concrete(Class<?> raw, List<Class<?>> usual) {
        if (!Modifier.isAbstract(raw.getModifiers())) {
            return raw;
        }
        return usual.stream()
                .filter(raw::isAssignableFrom)
                .findFirst()
                .orElseThrow(() -> new JsonException("Cannot make " + raw.getName()));
    }

    /** A value where nobody says what it should be. */
    private static Object natural(Object value) {
        if (value instanceof Number) {
            return Scalars.natural((Number) value);
        }
        if (value instanceof Map) {
            Map<Object, Object> map = new LinkedHashMap<>();
            for (Map.Entry<?, ?> member : ((Map<?, ?>) value).entrySet()) {
                map.put(member.getKey(), natural(member.getValue()));
            }
            return map;
        }
        if (value instanceof List) {
            List<Object> list = new ArrayList<>();
            for (Object element : (List<?>) value) {
                list.add(natural(element));
            }
            return list;
        }
        return value;
    }

    private static Class<?> boxed(Class<?> type) {
        return type.isPrimitive() && type != void.class ? zero(type).getClass() : type;
    }

    /** What stands for no value: null, but of primitives. */
    private static Object zero(Class<?> type) {
        return type.isPrimitive() ? Array.get(Array.newInstance(type, 1), 0) : null;
    }
}
