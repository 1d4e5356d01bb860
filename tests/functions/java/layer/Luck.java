/** A class in a layer. */
public class Luck {
    public static final String WORD = "found";
}
