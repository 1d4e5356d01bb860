package lambdad.json;

import java.lang.reflect.Field;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.lang.reflect.Type;

/** One property of a class: what reads and what writes it. */
final class Property {
    final String name;

    private Method getter;
    private Method setter;
    private Field field;

    Property(String name) {
        this.name = name;
    }

    void setGetter(Method method) {
        method.trySetAccessible();
        getter = method;
    }

    /** Of setters with the same name the one counts that takes what the getter gives. */
    void addSetter(Method method) {
        boolean matchesGetter =
                getter != null && getter.getReturnType() == method.getParameterTypes()[0];
        if (setter == null || matchesGetter) {
            method.trySetAccessible();
            setter = method;
        }
    }

    void setField(Field publicField) {
        publicField.trySetAccessible();
        field = publicField;
    }

    boolean isReadable() {
        return getter != null || field != null;
    }

    boolean isWritable() {
        return setter != null || field != null;
    }

    /** The type that is written, for `owner`, which may be generic. */
    Type typeIn(Type owner) {
        if (setter != null) {
            Type declared = setter.getGenericParameterTypes()[0];
            return Generics.resolve(declared, owner, setter.getDeclaringClass());
        }
        return Generics.resolve(field.getGenericType(), owner, field.getDeclaringClass());
    }

    Object read(Object object) {
        try {
            return getter != null ? getter.invoke(object) : field.get(object);
        } catch (InvocationTargetException error) {
            throw new JsonException(failure("read", object), error.getCause());
        } catch (ReflectiveOperationException error) {
            throw new JsonException(failure("read", object), error);
        }
    }

    void write(Object object, Object value) {
        try {
            if (setter != null) {
                setter.invoke(object, value);
            } else {
                field.set(object, value);
            }
        } catch (InvocationTargetException error) {
            throw new JsonException(failure("write", object), error.getCause());
        } catch (ReflectiveOperationException | IllegalArgumentException error) {
            throw new JsonException(failure("write", object), error);
        }
    }

    private String failure(String verb, Object object) {
        return "Cannot " + verb + " " + object.getClass().getName() + "." + name;
    }
}
