package example;

import com.amazonaws.services.lambda.runtime.Context;
import com.amazonaws.services.lambda.runtime.RequestHandler;
import com.amazonaws.services.lambda.runtime.events.Note;
import java.math.BigDecimal;
import java.math.BigInteger;
import java.time.Instant;
import java.time.LocalDate;
import java.util.Date;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;

/** Handlers with objects of their own, in and out. */
public class Objects {
    public enum Color {
        RED,
        GREEN
    }

    public static class Named {
        private String name;

        public String getName() {
            return name;
        }

        public void setName(String name) {
            this.name = name;
        }
    }

    public static class Box<T> {
        private T content;

        public T getContent() {
            return content;
        }

        public void setContent(T content) {
            this.content = content;
        }
    }

    public static class Order extends Named {
        public int count;
        public long large;
        public double ratio;
        public boolean isPublic;
        public Color color;
        public List<Named> parts;
        public Map<String, Named> byName;
        public EnumMap<Color, Integer> byColor;
        public Set<Integer> numbers;
        public Named[] array;
        public Box<List<Named>> box;
        public BigDecimal price;
        public BigInteger huge;
        public byte[] bytes;
        public char letter;
        public Optional<String> note;
        public UUID id;
        public Date date;
        public Instant instant;
        public LocalDate day;
        private String hidden = "never seen";

        public String getURL() {
            return "u";
        }

        public boolean isReady() {
            return true;
        }

        public static String getStatic() {
            return "no property";
        }
    }

    public static class Orders implements RequestHandler<Order, Order> {
        public Order handleRequest(Order order, Context context) {
            return order;
        }
    }

    public String elementType(Box<List<Named>> box) {
        return box.getContent().get(0).getClass().getSimpleName();
    }

    public Note note(Note note) {
        return note;
    }

    public static class Strange {
        public String getWrong() {
            throw new UnsupportedOperationException("cannot be read");
        }
    }

    public Strange strange(Object input) {
        return new Strange();
    }

    public Object circle(Object input) {
        Box<Object> box = new Box<>();
        box.setContent(box);
        return box;
    }

    public Object notNumbers(Object input) {
        return new double[] {Double.NaN, Double.POSITIVE_INFINITY, 1.5};
    }

    public static class Sized {
        public int size = 5;
    }

    public int size(Sized input) {
        return input.size;
    }
}
