// One event, with what the Runtime API says about it.

using System;
using System.Globalization;

namespace Lambdad
{
    sealed class Invocation
    {
        readonly HttpAnswer answer;

        public Invocation(HttpAnswer answer)
        {
            this.answer = answer;
        }

        public string RequestId => answer.Header("Lambda-Runtime-Aws-Request-Id");
        public string TraceId => answer.Header("Lambda-Runtime-Trace-Id");
        public string FunctionArn => answer.Header("Lambda-Runtime-Invoked-Function-Arn");
        public string ClientContext => answer.Header("Lambda-Runtime-Client-Context");
        public string CognitoIdentity => answer.Header("Lambda-Runtime-Cognito-Identity");
        public string TenantId => answer.Header("Lambda-Runtime-Aws-Tenant-Id");
        public byte[] Event => answer.Body;

        public TimeSpan RemainingTime
        {
            get
            {
                var deadlineMs = long.Parse(
                    answer.Header("Lambda-Runtime-Deadline-Ms"), CultureInfo.InvariantCulture);
                var nowMs = DateTimeOffset.UtcNow.ToUnixTimeMilliseconds();
                return TimeSpan.FromMilliseconds(Math.Max(0, deadlineMs - nowMs));
            }
        }
    }
}
