// Objects of the function's own interfaces, of Amazon.Lambda.Core as its package brings it: every
// call of theirs comes to one function here.

using System;
using System.Reflection;

namespace Lambdad
{
    public class InterfaceProxy : DispatchProxy
    {
        static readonly MethodInfo Make = typeof(DispatchProxy).GetMethod(
            nameof(Create), BindingFlags.Public | BindingFlags.Static, null, Type.EmptyTypes, null);

        Func<MethodInfo, object[], object> answer;

        public static object Of(Type contract, Func<MethodInfo, object[], object> answer)
        {
            var proxy = Calls.Invoke(Make.MakeGenericMethod(contract, typeof(InterfaceProxy)), null);
            ((InterfaceProxy)proxy).answer = answer;
            return proxy;
        }

        /// <summary>An object with properties alone: `value` gives one by its name and type.</summary>
        public static object OfProperties(Type contract, Func<string, Type, object> value) =>
            Of(contract, (method, _) => value(method.Name.Substring("get_".Length), method.ReturnType));

        protected override object Invoke(MethodInfo method, object[] arguments) =>
            answer(method, arguments);
    }
}
