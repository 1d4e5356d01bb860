// Methods that are known at run time only: what they throw comes out as it is.

using System.Reflection;

namespace Lambdad
{
    static class Calls
    {
        public static object Invoke(MethodInfo method, object target, params object[] arguments) =>
            method.Invoke(
                target, BindingFlags.DoNotWrapExceptions, binder: null, arguments, culture: null);
    }
}
