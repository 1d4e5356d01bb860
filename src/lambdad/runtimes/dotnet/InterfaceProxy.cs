// Objects of the function's own interfaces, of Amazon.Lambda.Core as its package brings it: every
// call of theirs comes to one function here.

using System;
using System.Collections.Concurrent;
using System.Reflection;

namespace Lambdad
{
    public class InterfaceProxy : DispatchProxy
    {
        static readonly MethodInfo Make = typeof(DispatchProxy).GetMethod(
            nameof(Create), BindingFlags.Public | BindingFlags.Static, null, Type.EmptyTypes, null);

        // Every invocation has a context; to find out how one is made takes longer than to make it.
        static readonly ConcurrentDictionary<Type, Func<object>> Makers =
            new ConcurrentDictionary<Type, Func<object>>();

        Func<MethodInfo, object[], object> answer;

        public static object Of(Type contract, Func<MethodInfo, object[], object> answer)
        {
            var proxy = Makers.GetOrAdd(contract, Maker)();
            ((InterfaceProxy)proxy).answer = answer;
            return proxy;
        }

        static Func<object> Maker(Type contract) =>
            (Func<object>)Make.MakeGenericMethod(contract, typeof(InterfaceProxy))
                .CreateDelegate(typeof(Func<object>));

        /// <summary>An object with properties alone: `value` gives one by its name and type.</summary>
        public static object OfProperties(Type contract, Func<string, Type, object> value) =>
            Of(contract, (method, _) => value(method.Name.Substring("get_".Length), method.ReturnType));

        protected override object Invoke(MethodInfo method, object[] arguments) =>
            answer(method, arguments);
    }
}
