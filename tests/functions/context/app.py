"""Returns every attribute of the context object."""

ATTRIBUTES = (
    "aws_request_id",
    "function_name",
    "function_version",
    "invoked_function_arn",
    "log_group_name",
    "log_stream_name",
    "memory_limit_in_mb",
    "tenant_id",
)
CLIENT = (
    "installation_id",
    "app_title",
    "app_version_name",
    "app_version_code",
    "app_package_name",
)


def handler(event, context):
    context.log("a message of the context")
    found = {name: getattr(context, name) for name in ATTRIBUTES}
    found["remaining_time_in_millis"] = context.get_remaining_time_in_millis()
    found["identity"] = {
        name: getattr(context.identity, name)
        for name in ("cognito_identity_id", "cognito_identity_pool_id")
    }
    found["client_context"] = _client_context(context.client_context)
    return found


def _client_context(client_context):
    if client_context is None:
        return None
    client = client_context.client
    return {
        "custom": client_context.custom,
        "env": client_context.env,
        "client": client and {name: getattr(client, name) for name in CLIENT},
    }
