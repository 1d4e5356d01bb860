package example;

import com.amazonaws.services.lambda.runtime.Context;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.math.BigInteger;
import java.time.Instant;
import java.util.Date;
import java.util.List;
import java.util.Map;

/** Methods that can be handlers, by their signatures. */
public class Signatures {
    public String withInput(String input) {
        return "got " + input;
    }

    public String withContext(String input, Context context) {
        return input + " " + context.getFunctionName();
    }

    public static int ofClass(int input) {
        return input + 1;
    }

    public String nothing() {
        return "nothing needed";
    }

    public String contextAlone(Context context) {
        return context.getFunctionName();
    }

    public void giveNothing(Object input) {}

    public String giveNull(Object input) {
        return null;
    }

    public void streams(InputStream input, OutputStream output) throws IOException {
        output.write(input.readAllBytes());
    }

    public void streamsAndContext(InputStream input, OutputStream output, Context context)
            throws IOException {
        input.transferTo(output);
    }

    public String inputStream(InputStream input, Context context) throws IOException {
        return new String(input.readAllBytes(), "UTF-8");
    }

    public List<Integer> list(List<Integer> input) {
        input.add(input.get(0) + 1);
        return input;
    }

    public Map<String, Object> map(Map<String, Object> input) {
        input.put("type", input.get("number").getClass().getSimpleName());
        return input;
    }

    public Object object(Object input) {
        return input;
    }

    public long[] array(long[] input) {
        return input;
    }

    public String overloaded(String input) {
        return "without";
    }

    public String overloaded(String input, Context context) {
        return "with context";
    }

    public String tooMuch(String one, String two) {
        return one + two;
    }

    public Byte ofByte(Byte input) {
        return input;
    }

    public Short ofShort(Short input) {
        return input;
    }

    public int ofCharacter(Character input) {
        return input;
    }

    public Integer ofInteger(Integer input) {
        return input;
    }

    public long ofLong(long input) {
        return input;
    }

    public BigInteger ofBigInteger(BigInteger input) {
        return input;
    }

    public String ofDate(Date input) {
        return input.toInstant().toString();
    }

    public String ofInstant(Instant input) {
        return input.toString();
    }
}
