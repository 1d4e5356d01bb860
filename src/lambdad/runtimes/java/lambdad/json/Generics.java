package lambdad.json;

import java.lang.reflect.Array;
import java.lang.reflect.GenericArrayType;
import java.lang.reflect.ParameterizedType;
import java.lang.reflect.Type;
import java.lang.reflect.TypeVariable;
import java.lang.reflect.WildcardType;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** What type variables stand for. */
public final class Generics {
    private Generics() {}

    /** The class of a type. */
    public static Class<?> rawClass(Type type) {
        if (type instanceof Class) {
            return (Class<?>) type;
        }
        if (type instanceof ParameterizedType) {
            return (Class<?>) ((ParameterizedType) type).getRawType();
        }
        if (type instanceof GenericArrayType) {
            Type component = ((GenericArrayType) type).getGenericComponentType();
            return Array.newInstance(rawClass(component), 0).getClass();
        }
        return rawClass(upperBound(type));
    }

    /** What `type` says that the parameters of `ancestor` are, a class or interface above it. */
    public static Type[] argumentsOf(Type type, Class<?> ancestor) {
        Type[] parameters = ancestor.getTypeParameters();
        Type[] arguments = new Type[parameters.length];
        for (int i = 0; i < arguments.length; i++) {
            arguments[i] = resolve(parameters[i], type, ancestor);
        }
        return arguments;
    }

    /** What the elements of an array are. */
    static Type componentOf(Type array) {
        return array instanceof GenericArrayType
                ? ((GenericArrayType) array).getGenericComponentType()
                : rawClass(array).getComponentType();
    }

    /** `type`, as `ancestor` declares it, for the `owner` that inherits it. */
    static Type resolve(Type type, Type owner, Class<?> ancestor) {
        if (type instanceof Class) {
            return type;
        }
        return substitute(type, variablesOf(owner, ancestor));
    }

    private static Map<TypeVariable<?>, Type> variablesOf(Type owner, Class<?> ancestor) {
        Map<TypeVariable<?>, Type> variables = new HashMap<>();
        Class<?> raw = rawClass(owner);
        if (owner instanceof ParameterizedType) {
            Type[] arguments = ((ParameterizedType) owner).getActualTypeArguments();
            for (int i = 0; i < arguments.length; i++) {
                variables.put(raw.getTypeParameters()[i], arguments[i]);
            }
        }
        if (raw == ancestor) {
            return variables;
        }
        for (Type parent : parents(raw)) {
            if (ancestor.isAssignableFrom(rawClass(parent))) {
                return variablesOf(substitute(parent, variables), ancestor);
            }
        }
        return variables;
    }

    private static List<Type> parents(Class<?> raw) {
        List<Type> parents = new ArrayList<>(Arrays.asList(raw.getGenericInterfaces()));
        if (raw.getGenericSuperclass() != null) {
            parents.add(0, raw.getGenericSuperclass());
        }
        return parents;
    }

    private static Type substitute(Type type, Map<TypeVariable<?>, Type> variables) {
        if (type instanceof TypeVariable) {
            return variables.getOrDefault(type, type);
        }
        if (type instanceof ParameterizedType) {
            Type[] arguments = ((ParameterizedType) type).getActualTypeArguments();
            Type[] substituted = new Type[arguments.length];
            for (int i = 0; i < arguments.length; i++) {
                substituted[i] = substitute(arguments[i], variables);
            }
            return new Parameterized(rawClass(type), substituted);
        }
        if (type instanceof GenericArrayType) {
            Type component = ((GenericArrayType) type).getGenericComponentType();
            return Array.newInstance(rawClass(substitute(component, variables)), 0).getClass();
        }
        return type;
    }

    private static Type upperBound(Type type) {
        if (type instanceof WildcardType) {
            return ((WildcardType) type).getUpperBounds()[0];
        }
        return ((TypeVariable<?>) type).getBounds()[0];
    }

    private static final class Parameterized implements ParameterizedType {
        private final Class<?> raw;
        private final Type[] arguments;

        Parameterized(Class<?> raw, Type[] arguments) {
            this.raw = raw;
            this.arguments = arguments;
        }

        @Override
        public Type[] getActualTypeArguments() {
            return arguments.clone();
        }

        @Override
        public Type getRawType() {
            return raw;
        }

        @Override
        public Type getOwnerType() {
            return raw.getDeclaringClass();
        }
    }
}
