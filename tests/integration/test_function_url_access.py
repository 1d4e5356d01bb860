"""As a developer I say who may call a function's URL: everybody, or who signs as somebody."""

from __future__ import annotations

import json
import uuid
from base64 import b64decode
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import botocore.auth
import pytest
from botocore.compat import get_current_datetime

from lambdad.testing.server import LocalServer
from support.clients import ACCOUNT, REGION
from support.functions import DeployedFunction
from support.identity import TRUSTING
from support.sandboxes import on_both
from support.sigv4 import Arriving, sign
from support.web import Reply, Site

MakeFunction = Callable[..., DeployedFunction]
ClientFor = Callable[..., Any]
pytestmark = [pytest.mark.slow, pytest.mark.root]

EVENT = "def handler(event, context): return event"
URL = {"Action": "lambda:InvokeFunctionUrl", "FunctionUrlAuthType": "NONE"}
FUNCTION = {"Action": "lambda:InvokeFunction", "InvokedViaFunctionUrl": True}


def site_of(function: DeployedFunction, auth_type: str, **settings: Any) -> Site:
    """A URL, and no permission to use it."""
    created = function.client.create_function_url_config(
        FunctionName=function.name, AuthType=auth_type, **settings
    )
    return Site(created["FunctionUrl"])


def permit(function: DeployedFunction, id: str, permission: dict[str, Any], **more: Any) -> None:
    request = {"FunctionName": function.name, "StatementId": id, "Principal": "*"}
    function.client.add_permission(**{**request, **permission, **more})


def put_policy(function: DeployedFunction, *statements: dict[str, Any]) -> None:
    """What is not for everybody, as AWS refuses it: for this machine."""
    usual = {"Effect": "Allow", "Principal": "*", "Action": "lambda:*", "Resource": function.arn}
    document: dict[str, Any] = {"Version": "2012-10-17", "Statement": []}
    for statement in statements:
        condition = {"IpAddress": {"aws:SourceIp": "127.0.0.0/8"}, **statement.get("Condition", {})}
        document["Statement"].append({**usual, **statement, "Condition": condition})
    function.client.put_resource_policy(ResourceArn=function.arn, Policy=json.dumps(document))


def ask(site: Site, *, path: str = "/", **request: Any) -> Reply:
    """Send a request that botocore has signed."""
    identity = {"key": "test", "secret": "test", "region": REGION}
    return send(site, sign(path=path, host=urlsplit(site.url).netloc, **{**identity, **request}))


def send(site: Site, signed: Arriving) -> Reply:
    return site.request(
        signed.method, signed.target, body=signed.body or None, headers=signed.headers
    )


def caller_in(reply: Reply) -> dict[str, Any]:
    assert reply.status == 200, reply
    found: dict[str, Any] = reply.json["requestContext"]["authorizer"]["iam"]
    return found


def is_forbidden(reply: Reply) -> bool:
    assert reply.status in (200, 403), reply
    if reply.status == 403:
        assert reply.json == {"Message": "Forbidden"}
        assert reply.headers["x-amzn-errortype"] == "AccessDeniedException"
        assert reply.type == "application/json"
    return reply.status == 403


def is_refused(reply: Reply, code: str, words: str) -> bool:
    return (
        reply.status == 403
        and reply.headers["x-amzn-errortype"] == code
        and words in reply.json["Message"]
    )


def new_account() -> str:
    return f"{uuid.uuid4().int % 10**12:012d}"


# AuthType NONE


def test_everybody_needs_both_permissions_and_loses_them_at_once(
    make_function: MakeFunction,
) -> None:
    function = make_function(source=EVENT)
    site = site_of(function, "NONE")
    assert is_forbidden(site.get("/"))
    permit(function, "url", URL)
    assert is_forbidden(site.get("/"))
    permit(function, "function", FUNCTION)
    assert not is_forbidden(site.get("/"))
    assert site.get("/").json["requestContext"]["accountId"] == "anonymous"
    # When either is taken away
    for id, permission in (("url", URL), ("function", FUNCTION)):
        function.client.remove_permission(FunctionName=function.name, StatementId=id)
        # Then nobody gets in
        assert is_forbidden(site.get("/"))
        permit(function, id, permission)
        assert not is_forbidden(site.get("/"))


def test_who_signs_is_nobody_where_everybody_may_call(make_function: MakeFunction) -> None:
    function = make_function(source=EVENT)
    site = site_of(function, "NONE")
    assert is_forbidden(ask(site))
    permit(function, "url", URL)
    permit(function, "function", FUNCTION)
    event = ask(site, secret="wrong").json
    assert "authorizer" not in event["requestContext"]
    assert event["headers"]["authorization"].startswith("AWS4-HMAC-SHA256 ")


@pytest.mark.parametrize(
    ("condition", "is_allowed"),
    [
        ({"StringEquals": {"lambda:FunctionUrlAuthType": "NONE"}}, True),
        ({"StringEquals": {"lambda:FunctionUrlAuthType": "AWS_IAM"}}, False),
        ({"IpAddress": {"aws:SourceIp": "127.0.0.0/8"}}, True),
        ({"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}}, False),
        ({"Bool": {"aws:SecureTransport": "false"}}, True),
        ({"Bool": {"aws:SecureTransport": "true"}}, False),
        ({"Bool": {"lambda:InvokedViaFunctionUrl": "true"}}, True),
        ({"StringLike": {"aws:UserAgent": "test/*"}}, True),
        ({"StringLike": {"aws:UserAgent": "curl/*"}}, False),
    ],
)
def test_a_policy_may_have_conditions(
    shared: DeployedFunction, condition: dict[str, Any], is_allowed: bool
) -> None:
    put_policy(shared, {"Condition": condition})
    site = Site(shared.client.get_function_url_config(FunctionName=shared.name)["FunctionUrl"])
    assert is_forbidden(site.get("/", user_agent="test/1")) is not is_allowed


def test_a_deny_holds_for_whom_it_names(shared: DeployedFunction) -> None:
    site = Site(shared.client.get_function_url_config(FunctionName=shared.name)["FunctionUrl"])
    put_policy(shared, {}, {"Effect": "Deny", "Action": "lambda:InvokeFunctionUrl"})
    assert is_forbidden(site.get("/"))
    put_policy(shared, {})
    assert not is_forbidden(site.get("/"))


def test_what_is_granted_to_the_function_is_not_granted_to_its_alias(
    make_function: MakeFunction,
) -> None:
    function = make_function(source=EVENT, Publish=True)
    function.client.create_alias(FunctionName=function.name, Name="live", FunctionVersion="1")
    site = site_of(function, "NONE", Qualifier="live")
    permit(function, "url", URL)
    permit(function, "function", FUNCTION)
    assert is_forbidden(site.get("/"))
    permit(function, "url", URL, Qualifier="live")
    permit(function, "function", FUNCTION, Qualifier="live")
    assert not is_forbidden(site.get("/"))


@pytest.fixture(scope="module")
def shared(deploy: MakeFunction, namespaces_server: LocalServer) -> Any:
    """A function whose policy each test writes, with a URL for everybody."""
    function = deploy(namespaces_server, source=EVENT)
    site_of(function, "NONE")
    yield function
    function.client.delete_function(FunctionName=function.name)


# AuthType AWS_IAM: who signs


@pytest.fixture(scope="module")
def signed(deploy: MakeFunction, namespaces_server: LocalServer) -> Any:
    """A function whose URL its own account may call; no policy changes."""
    function = deploy(namespaces_server, source=EVENT)
    yield site_of(function, "AWS_IAM")
    function.client.delete_function(FunctionName=function.name)


REQUESTS: dict[str, dict[str, Any]] = {
    "get": {},
    "path": {"path": "/a%20b//c/%E2%82%AC/d?x=1&x=2&y=%2B"},
    "headers": {"headers": {"x-amz-meta": "  a   b ", "x-other": "c"}},
}


@pytest.mark.parametrize("expires", [None, 60], ids=["header", "presigned"])
@pytest.mark.parametrize("request_", REQUESTS.values(), ids=REQUESTS)
def test_what_botocore_signs_gets_in(
    signed: Site, request_: dict[str, Any], expires: int | None
) -> None:
    reply = ask(signed, expires=expires, **request_)
    assert caller_in(reply) == {
        "accessKey": "test",
        "accountId": ACCOUNT,
        "callerId": ACCOUNT,
        "cognitoIdentity": None,
        "principalOrgId": None,
        "userArn": f"arn:aws:iam::{ACCOUNT}:root",
        "userId": ACCOUNT,
    }
    assert reply.json["requestContext"]["accountId"] == ACCOUNT
    assert "authorization" not in reply.json["headers"]


def test_a_body_is_signed_with_the_rest(signed: Site) -> None:
    body, headers = b"\0\xff body", {"content-type": "image/png", "x-amz-content-sha256": "-"}
    reply = ask(signed, method="POST", body=body, headers={"content-type": "image/png"})
    assert b64decode(reply.json["body"]) == body
    reply = ask(signed, method="POST", body=body, headers=headers)
    assert is_refused(reply, *INVALID)


def test_who_has_not_signed_is_forbidden(signed: Site) -> None:
    assert is_forbidden(signed.get("/"))
    for header in ("", "Bearer x", "Basic dGVzdDp0ZXN0"):
        assert signed.get("/", authorization=header).status == 403


INVALID = ("InvalidSignatureException", "The request signature we calculated does not match")
UNKNOWN = ("UnrecognizedClientException", "The security token included in the request is invalid.")


@pytest.mark.parametrize("expires", [None, 60], ids=["header", "presigned"])
@pytest.mark.parametrize(
    ("wrong", "code", "words"),
    [
        ({"secret": "other"}, *INVALID),
        ({"region": "eu-west-1"}, "InvalidSignatureException", "not 'eu-west-1'"),
        ({"service": "s3"}, "InvalidSignatureException", "correct service: 'lambda'"),
        ({"key": "AKIAIOSFODNN7EXAMPLE"}, *UNKNOWN),
    ],
)
def test_who_signs_wrongly_does_not_get_in(
    signed: Site, expires: int | None, wrong: dict[str, Any], code: str, words: str
) -> None:
    assert is_refused(ask(signed, expires=expires, **wrong), code, words)


def test_what_is_changed_on_the_way_does_not_get_in(signed: Site) -> None:
    host = urlsplit(signed.url).netloc
    identity: dict[str, Any] = {"key": "test", "secret": "test", "region": REGION, "host": host}
    original = sign("POST", "/a?x=1", body=b"paid: 1", **identity)
    assert send(signed, original).status == 200
    for change in ({"body": b"paid: 9"}, {"method": "PUT"}, {"target": "/a?x=2"}, {"target": "/b"}):
        changed = Arriving(**{**vars(original), **change})
        assert is_refused(send(signed, changed), *INVALID), change


@pytest.mark.parametrize("minutes", [-16, 16])
def test_an_old_signature_and_one_of_tomorrow_do_not_get_in(
    signed: Site, monkeypatch: pytest.MonkeyPatch, minutes: int
) -> None:
    def then(**options: Any) -> datetime:
        found: datetime = get_current_datetime(**options) + timedelta(minutes=minutes)
        return found

    monkeypatch.setattr(botocore.auth, "get_current_datetime", then)
    words = "Signature expired" if minutes < 0 else "Signature not yet current"
    assert is_refused(ask(signed), "InvalidSignatureException", words)
    if minutes < 0:
        assert is_refused(ask(signed, expires=60), "InvalidSignatureException", words)
        assert ask(signed, expires=3600).status == 200


def test_a_user_gets_in_with_its_key_as_long_as_it_is_active(
    make_function: MakeFunction, client_for: ClientFor, server: LocalServer
) -> None:
    # Given
    account = new_account()
    iam = client_for("iam", server, access_key_id=account)
    user = iam.create_user(UserName="ann", Path="/team/")["User"]
    key = iam.create_access_key(UserName="ann")["AccessKey"]
    function = make_function(
        source=EVENT, access_key_id=account, Role=f"arn:aws:iam::{account}:role/r"
    )
    site = site_of(function, "AWS_IAM")
    identity = {"key": key["AccessKeyId"], "secret": key["SecretAccessKey"]}
    # Then
    caller = caller_in(ask(site, **identity))
    assert (caller["userArn"], caller["userId"]) == (user["Arn"], user["UserId"])
    assert (caller["accessKey"], caller["accountId"]) == (key["AccessKeyId"], account)
    assert is_refused(ask(site, **{**identity, "secret": "test"}), *INVALID)
    # When
    named = {"UserName": "ann", "AccessKeyId": key["AccessKeyId"]}
    iam.update_access_key(**named, Status="Inactive")
    assert is_refused(ask(site, **identity), *UNKNOWN)
    iam.update_access_key(**named, Status="Active")
    assert ask(site, **identity).status == 200
    iam.delete_access_key(**named)
    assert is_refused(ask(site, **identity), *UNKNOWN)


def test_a_session_gets_in_with_its_token(
    make_function: MakeFunction, client_for: ClientFor, server: LocalServer
) -> None:
    # Given
    account = new_account()
    iam = client_for("iam", server, access_key_id=account)
    role = iam.create_role(RoleName="orders", AssumeRolePolicyDocument=TRUSTING)["Role"]
    sts = client_for("sts", server, access_key_id=account)
    session = sts.assume_role(RoleArn=role["Arn"], RoleSessionName="s1")
    credentials = session["Credentials"]
    identity = {"key": credentials["AccessKeyId"], "secret": credentials["SecretAccessKey"]}
    function = make_function(source=EVENT, access_key_id=account, Role=role["Arn"])
    site = site_of(function, "AWS_IAM")
    # Then
    for expires in (None, 60):
        reply = ask(site, **identity, token=credentials["SessionToken"], expires=expires)
        caller = caller_in(reply)
        assert caller["userArn"] == session["AssumedRoleUser"]["Arn"]
        assert caller["userId"] == caller["callerId"] == f"{role['RoleId']}:s1"
        assert caller["accessKey"] == credentials["AccessKeyId"]
        assert is_refused(ask(site, **identity, expires=expires), *UNKNOWN)
        assert is_refused(ask(site, **identity, token="other", expires=expires), *UNKNOWN)


def test_another_account_gets_in_if_the_policy_lets_it(make_function: MakeFunction) -> None:
    # Given
    function = make_function(source=EVENT)
    site = site_of(function, "AWS_IAM")
    stranger, friend = new_account(), new_account()
    assert is_forbidden(ask(site, key=friend))
    # When one of the two actions is allowed
    iam_url = {"Action": "lambda:InvokeFunctionUrl", "FunctionUrlAuthType": "AWS_IAM"}
    permit(function, "url", iam_url, Principal=friend)
    assert is_forbidden(ask(site, key=friend))
    permit(function, "function", FUNCTION, Principal=friend)
    # Then
    caller = caller_in(ask(site, key=friend))
    assert (caller["accountId"], caller["userArn"]) == (friend, f"arn:aws:iam::{friend}:root")
    assert is_forbidden(ask(site, key=stranger))
    assert ask(site).status == 200
    # And what is said of URLs for everybody does not count
    function.client.remove_permission(FunctionName=function.name, StatementId="url")
    permit(function, "url", URL, Principal=friend)
    assert is_forbidden(ask(site, key=friend))


def test_a_deny_holds_for_the_account_itself(make_function: MakeFunction) -> None:
    function = make_function(source=EVENT)
    site = site_of(function, "AWS_IAM")
    put_policy(function, {"Effect": "Deny", "Action": "lambda:InvokeFunction"})
    assert is_forbidden(ask(site))


def test_the_way_in_may_be_changed_at_any_time(make_function: MakeFunction) -> None:
    function = make_function(source=EVENT)
    site = site_of(function, "AWS_IAM")
    permit(function, "url", URL)
    permit(function, "function", FUNCTION)
    assert is_forbidden(site.get("/"))
    change = function.client.update_function_url_config
    change(FunctionName=function.name, AuthType="NONE")
    assert site.get("/").status == 200
    change(FunctionName=function.name, AuthType="AWS_IAM")
    assert is_forbidden(site.get("/"))


# From inside a sandbox

CALL = """
import os, urllib.request
from urllib.parse import urlsplit
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.session import Session

def handler(event, context):
    url = urlsplit(event["url"])
    id, _, region = url.hostname.split(".")[:3]
    endpoint = os.environ["AWS_ENDPOINT_URL"].rstrip("/")
    if event["by"] == "host":
        host, target = url.netloc, "/x?y=1"
    else:
        host, target = urlsplit(endpoint).netloc, f"/_lambdad/url/{id}/x?y=1"
    headers = {"host": host}
    if event["signs"]:
        request = AWSRequest("GET", f"http://{host}{target}", headers)
        credentials = Session().get_credentials()
        SigV4Auth(credentials, "lambda", region).add_auth(request)
        headers = dict(request.headers.items())
    request = urllib.request.Request(endpoint + target, headers=headers)
    try:
        with urllib.request.urlopen(request) as answer:
            return answer.read().decode()
    except urllib.error.HTTPError as error:
        return f"{error.code} {error.read().decode()}"
"""


@on_both
@pytest.mark.parametrize("by", ["host", "path"])
def test_a_function_calls_the_url_of_another_one(make_function: MakeFunction, by: str) -> None:
    # Given
    called, calling = make_function(source=EVENT), make_function(source=CALL, Timeout=30)
    site = site_of(called, "AWS_IAM")
    # When it signs with its own credentials
    event = json.loads(calling.call({"url": site.url, "by": by, "signs": True}))
    # Then it is its role
    assert (event["rawPath"], event["rawQueryString"]) == ("/x", "y=1")
    assert event["requestContext"]["http"]["sourceIp"] == "127.0.0.1"
    assert event["requestContext"]["authorizer"]["iam"]["userArn"] == (
        f"arn:aws:sts::{ACCOUNT}:assumed-role/test/{calling.name}"
    )
    # And without it, it is nobody
    unsigned = calling.call({"url": site.url, "by": by, "signs": False})
    assert unsigned == '403 {"Message":"Forbidden"}'
    # Nor does it need it where everybody may call
    called.client.update_function_url_config(FunctionName=called.name, AuthType="NONE")
    permit(called, "url", URL)
    permit(called, "function", FUNCTION)
    event = json.loads(calling.call({"url": site.url, "by": by, "signs": False}))
    assert event["rawPath"] == "/x"
