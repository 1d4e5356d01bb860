// Who calls, as AWS's mobile SDKs tell it: the client context and the Cognito identity.

using System;
using System.Collections.Generic;
using System.Text.Json;

namespace Lambdad
{
    static class MobileClient
    {
        /// <summary>An IClientContext; null when the caller gave none.</summary>
        public static object Context(Type contract, string json)
        {
            if (json == null)
            {
                return null;
            }
            var context = Parse(json);
            return InterfaceProxy.OfProperties(contract, (name, type) => name switch
            {
                "Client" => Application(type, Property(context, "client")),
                "Environment" => Texts(Property(context, "env")),
                "Custom" => Texts(Property(context, "custom")),
                _ => null,
            });
        }

        /// <summary>An ICognitoIdentity; its parts are null when there is none.</summary>
        public static object Identity(Type contract, string json)
        {
            var identity = json == null ? default : Parse(json);
            return InterfaceProxy.OfProperties(contract, (name, _) => name switch
            {
                "IdentityId" => Text(Property(identity, "cognitoIdentityId")),
                "IdentityPoolId" => Text(Property(identity, "cognitoIdentityPoolId")),
                _ => null,
            });
        }

        static object Application(Type contract, JsonElement client)
        {
            if (client.ValueKind != JsonValueKind.Object)
            {
                return null;
            }
            return InterfaceProxy.OfProperties(contract, (name, _) => name switch
            {
                "AppPackageName" => Text(Property(client, "app_package_name")),
                "AppTitle" => Text(Property(client, "app_title")),
                "AppVersionCode" => Text(Property(client, "app_version_code")),
                "AppVersionName" => Text(Property(client, "app_version_name")),
                "InstallationId" => Text(Property(client, "installation_id")),
                _ => null,
            });
        }

        static IDictionary<string, string> Texts(JsonElement element)
        {
            var texts = new Dictionary<string, string>();
            if (element.ValueKind == JsonValueKind.Object)
            {
                foreach (var property in element.EnumerateObject())
                {
                    texts[property.Name] = Text(property.Value);
                }
            }
            return texts;
        }

        static JsonElement Property(JsonElement element, string name) =>
            element.ValueKind == JsonValueKind.Object && element.TryGetProperty(name, out var value)
                ? value
                : default;

        static string Text(JsonElement element) => element.ValueKind switch
        {
            JsonValueKind.Undefined => null,
            JsonValueKind.Null => null,
            JsonValueKind.String => element.GetString(),
            _ => element.GetRawText(),
        };

        static JsonElement Parse(string json)
        {
            using var document = JsonDocument.Parse(json);
            return document.RootElement.Clone();
        }
    }
}
