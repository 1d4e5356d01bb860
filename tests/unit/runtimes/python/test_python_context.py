"""The context object, and what else an invocation brings."""

from __future__ import annotations

import json
import time

from scripted_api import REQUEST_ID, event


def test_the_context_has_every_documented_attribute(run):
    deadline = str(int(time.time() * 1000) + 3000)

    outcome = run("context", [event(Lambda_Runtime_Deadline_Ms=deadline)])

    result = outcome.post.json
    assert 0 < result.pop("remaining_time_in_millis") <= 3000
    assert result == {
        "aws_request_id": REQUEST_ID,
        "function_name": "f",
        "function_version": "$LATEST",
        "invoked_function_arn": "arn:aws:lambda:us-east-1:000000000000:function:f",
        "log_group_name": "/aws/lambda/f",
        "log_stream_name": "2026/01/01/[$LATEST]0123",
        "memory_limit_in_mb": "128",
        "tenant_id": None,
        "identity": {"cognito_identity_id": None, "cognito_identity_pool_id": None},
        "client_context": None,
    }
    assert outcome.text == "a message of the context\n"


def test_the_context_tells_of_the_client_its_identity_and_its_tenant(run):
    client = {"client": {"installation_id": "i"}, "custom": {"a": "é"}, "env": {"e": 1}}
    identity = {"cognitoIdentityId": "id", "cognitoIdentityPoolId": "pool"}

    outcome = run("context", [
        event(
            Lambda_Runtime_Client_Context=json.dumps(client, ensure_ascii=False),
            Lambda_Runtime_Cognito_Identity=json.dumps(identity),
            Lambda_Runtime_Aws_Tenant_Id="blue",
            Lambda_Runtime_Deadline_Ms="1",
        ),
        event(),
    ])  # fmt: skip

    first, second = outcome.results()
    assert first["identity"] == {"cognito_identity_id": "id", "cognito_identity_pool_id": "pool"}
    assert first["client_context"]["custom"] == {"a": "é"}
    assert first["client_context"]["env"] == {"e": 1}
    assert first["client_context"]["client"]["installation_id"] == "i"
    assert first["client_context"]["client"]["app_title"] is None
    assert first["tenant_id"] == "blue"
    assert first["remaining_time_in_millis"] == 0
    assert (second["client_context"], second["tenant_id"]) == (None, None)


def test_the_context_describes_itself(run):
    outcome = run("def handler(e, c):\n    return repr(c)\n", [event()])

    assert outcome.post.json.startswith(f"LambdaContext([aws_request_id={REQUEST_ID},log_group")
    assert outcome.post.json.endswith(
        "client_context=None,identity=CognitoIdentity([cognito_identity_id=None,"
        "cognito_identity_pool_id=None]),tenant_id=None])"
    )


def test_the_trace_header_is_a_variable_of_the_invocation(run):
    function = "import os\ndef handler(e, c):\n    return os.environ.get('_X_AMZN_TRACE_ID')\n"

    outcome = run(function, [
        event(Lambda_Runtime_Trace_Id="Root=1"), event(Lambda_Runtime_Trace_Id=None),
    ])  # fmt: skip

    assert outcome.results() == ["Root=1", None]


def test_a_monitoring_vendor_can_wrap_the_handler_and_the_client(run):
    """Sentry's SDK replaces these names in the module that is, or was imported as, bootstrap."""
    function = """
import sys
bootstrap = sys.modules.get("bootstrap") or sys.modules["__main__"]
old_handle, client = bootstrap.handle_event_request, bootstrap.LambdaRuntimeClient
def handle(lambda_runtime_client, request_handler, *args, **kwargs):
    wrapped = lambda event, context: ["wrapped", request_handler(event, context)]
    return old_handle(lambda_runtime_client, wrapped, *args, **kwargs)
def drained(post):
    def inner(*args, **kwargs):
        print("drained")
        return post(*args, **kwargs)
    return inner
bootstrap.handle_event_request = handle
client.post_invocation_result = drained(client.post_invocation_result)
client.post_invocation_error = drained(client.post_invocation_error)
def handler(event, context):
    return 1 / event
"""
    outcome = run(function, [event(1), event(0)])

    assert outcome.posts[0].json == ["wrapped", 1.0]
    assert outcome.posts[1].json["errorType"] == "ZeroDivisionError"
    assert outcome.text.count("drained") == 2
