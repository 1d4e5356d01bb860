package lambdad.runtime;

import com.amazonaws.services.lambda.runtime.Context;

/** The function's handler, whatever its signature: JSON goes in, and JSON comes out. */
interface EntryPoint {
    byte[] call(byte[] event, Context context) throws Throwable;
}
