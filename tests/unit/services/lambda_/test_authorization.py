"""Who may do what with a function: accounts, roles, qualifiers, denials."""

from __future__ import annotations

import json
from typing import Any

import pytest

from lambdad.errors import ClientError
from lambdad.model.caller import Caller, RequestContext
from lambdad.services.lambda_ import operations
from support.control_plane import ACCOUNT, REGION, Plane, make_zip, refused

STRANGER = "222222222222"
ARN = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:echo"
ROLE = f"arn:aws:iam::{STRANGER}:role/path/worker"


@pytest.fixture
async def echo(plane: Plane) -> Plane:
    """A control plane with the function `echo`, its version 1 and its alias `live`."""
    await plane.create("echo", Publish=True)
    await plane("CreateAlias", FunctionName="echo", Name="live", FunctionVersion="1")
    return plane


async def grant(plane: Plane, **changes: Any) -> None:
    plain = {"FunctionName": "echo", "StatementId": "s", "Action": "lambda:InvokeFunction"}
    await plane("AddPermission", **{**plain, "Principal": STRANGER, **changes})


async def deny(plane: Plane, **changes: Any) -> None:
    statement = {"Effect": "Deny", "Principal": "*", "Action": "lambda:*", "Resource": ARN}
    text = json.dumps({"Version": "2012-10-17", "Statement": [{**statement, **changes}]})
    await plane("PutResourcePolicy", ResourceArn=ARN, Policy=text)


def denial(action: str, resource: str, reason: str | None = None) -> str:
    because = f"because no resource-based policy allows the lambda:{action} action"
    return (
        f"User: arn:aws:iam::{STRANGER}:root is not authorized to perform: lambda:{action} on "
        f"resource: {resource} {reason or because}"
    )


async def test_a_stranger_invokes_what_was_granted(echo: Plane) -> None:
    call = {"account_id": STRANGER, "FunctionName": ARN, "Payload": b"{}"}
    await refused(echo("Invoke", **call), "AccessDeniedException", denial("InvokeFunction", ARN))
    await grant(echo)
    assert (await echo("Invoke", **call))["StatusCode"] == 200
    version, invocation = echo.invoker.invoked[-1]
    assert (version.account_id, invocation.invoked_arn) == (ACCOUNT, ARN)
    await echo("RemovePermission", FunctionName="echo", StatementId="s")
    await refused(echo("Invoke", **call), "AccessDeniedException", denial("InvokeFunction", ARN))


@pytest.mark.parametrize("arn", [f"{ARN}x", f"{ARN}:9", f"{ARN}:none", f"{ARN}:$LATEST"])
async def test_what_does_not_exist_is_denied_alike(echo: Plane, arn: str) -> None:
    await grant(echo)
    await refused(
        echo("Invoke", account_id=STRANGER, FunctionName=arn),
        "AccessDeniedException",
        denial("InvokeFunction", arn),
    )


async def test_a_grant_is_for_exactly_what_it_was_made_for(echo: Plane) -> None:
    await grant(echo, Qualifier="live")
    assert await echo("Invoke", account_id=STRANGER, FunctionName=f"{ARN}:live")
    assert await echo("Invoke", account_id=STRANGER, FunctionName=ARN, Qualifier="live")
    for other in (ARN, f"{ARN}:1", f"{ARN}:$LATEST"):
        await refused(
            echo("Invoke", account_id=STRANGER, FunctionName=other), "AccessDeniedException"
        )


async def test_a_grant_is_for_its_action_alone(echo: Plane) -> None:
    await grant(echo, Action="lambda:GetFunction")
    found = await echo("GetFunction", account_id=STRANGER, FunctionName=ARN)
    assert found["Configuration"]["FunctionArn"] == ARN
    for operation in ("GetFunctionConfiguration", "DeleteFunction", "AddPermission"):
        await refused(
            echo(operation, account_id=STRANGER, FunctionName=ARN),
            "AccessDeniedException",
            denial(operation, ARN),
        )
    await refused(
        echo("GetResourcePolicy", account_id=STRANGER, ResourceArn=ARN),
        "AccessDeniedException",
        denial("GetResourcePolicy", ARN),
    )


async def test_whoever_may_do_everything_changes_the_owners_function(echo: Plane) -> None:
    await grant(echo, Action="lambda:*")
    named = {"account_id": STRANGER, "FunctionName": f"{ACCOUNT}:function:echo"}
    await echo("CreateAlias", **named, Name="theirs", FunctionVersion="1")
    assert (await echo("GetAlias", FunctionName="echo", Name="theirs"))["AliasArn"]
    assert (await echo("GetResourcePolicy", account_id=STRANGER, ResourceArn=ARN))["Policy"]
    await echo("DeleteFunction", **named)
    await refused(echo("GetFunction", FunctionName="echo"), "ResourceNotFoundException")


async def test_a_grant_says_nothing_about_the_strangers_own_functions(echo: Plane) -> None:
    await grant(echo)
    await refused(
        echo("Invoke", account_id=STRANGER, FunctionName="echo"), "ResourceNotFoundException"
    )


@pytest.mark.parametrize(
    "conditions",
    [
        {"SourceAccount": STRANGER},
        {"SourceArn": f"arn:aws:sqs:{REGION}:{STRANGER}:queue"},
        {"PrincipalOrgID": "o-1234567890"},
        {"EventSourceToken": "token"},
        {"InvokedViaFunctionUrl": True},
    ],
)
async def test_conditions_of_services_do_not_hold_for_a_caller(
    echo: Plane, conditions: dict[str, Any]
) -> None:
    await grant(echo, Principal="*", **conditions)
    await refused(echo("Invoke", account_id=STRANGER, FunctionName=ARN), "AccessDeniedException")


@pytest.mark.parametrize(
    ("principal", "is_allowed"),
    [
        (ROLE, True),
        (f"arn:aws:sts::{STRANGER}:assumed-role/worker/session", True),
        (STRANGER, True),
        ("*", True),
        (f"arn:aws:iam::{STRANGER}:role/other", False),
        ("333333333333", False),
        ("sns.amazonaws.com", False),
    ],
)
async def test_a_function_asks_as_its_role(echo: Plane, principal: str, is_allowed: bool) -> None:
    await grant(echo, Principal=principal)
    caller = Caller(STRANGER, REGION, role=ROLE, session_name="session")
    context = RequestContext("r-1", "lambda", "Invoke", caller, "http://127.0.0.1:4566")
    invoke = operations(echo.control)["lambda", "Invoke"]
    if is_allowed:
        assert (await invoke(context, {"FunctionName": ARN}))["StatusCode"] == 200
        return
    with pytest.raises(ClientError, match="assumed-role/worker/session is not authorized"):
        await invoke(context, {"FunctionName": ARN})


async def test_a_function_is_no_session_of_another_accounts_role(echo: Plane) -> None:
    await grant(echo, Principal=ROLE)
    caller = Caller("333333333333", REGION, role=ROLE, session_name="session")
    context = RequestContext("r-1", "lambda", "Invoke", caller, "http://127.0.0.1:4566")
    invoke = operations(echo.control)["lambda", "Invoke"]
    with pytest.raises(ClientError, match="is not authorized"):
        await invoke(context, {"FunctionName": ARN})


async def test_an_explicit_deny_holds_for_the_account_itself(echo: Plane) -> None:
    await deny(echo, Action="lambda:InvokeFunction")
    message = denial("InvokeFunction", ARN, "with an explicit deny in a resource-based policy")
    for account_id in (ACCOUNT, STRANGER):
        await refused(
            echo("Invoke", account_id=account_id, FunctionName=ARN),
            "AccessDeniedException",
            message.replace(STRANGER, account_id),
        )
    assert await echo("Invoke", FunctionName="echo:live")
    assert await echo("GetFunction", FunctionName="echo")


async def test_who_denied_everything_to_everybody_can_mend_it(echo: Plane) -> None:
    await deny(echo)
    await refused(echo("GetFunction", FunctionName="echo"), "AccessDeniedException")
    await refused(
        echo("GetResourcePolicy", account_id=STRANGER, ResourceArn=ARN), "AccessDeniedException"
    )
    assert await echo("GetPolicy", FunctionName="echo")
    await echo("DeleteResourcePolicy", ResourceArn=ARN)
    assert await echo("GetFunction", FunctionName="echo")


@pytest.mark.parametrize(
    ("condition", "is_denied"),
    [
        ({"Bool": {"aws:SecureTransport": "false"}}, True),
        ({"StringEquals": {"aws:PrincipalAccount": ACCOUNT}}, True),
        ({"ArnLike": {"aws:PrincipalArn": f"arn:aws:iam::{ACCOUNT}:*"}}, True),
        ({"StringEquals": {"aws:RequestedRegion": REGION}}, True),
        ({"DateGreaterThan": {"aws:CurrentTime": "2001-01-01T00:00:00Z"}}, True),
        ({"NumericLessThan": {"aws:EpochTime": 5}}, False),
        ({"StringEquals": {"aws:PrincipalAccount": STRANGER}}, False),
        ({"Null": {"aws:SourceIp": "false"}}, False),
    ],
)
async def test_what_conditions_know_of_a_request(
    echo: Plane, condition: dict[str, Any], is_denied: bool
) -> None:
    await deny(echo, Action="lambda:InvokeFunction", Condition=condition)
    call = echo("Invoke", FunctionName="echo")
    if is_denied:
        await refused(call, "AccessDeniedException")
    else:
        assert (await call)["StatusCode"] == 200


async def test_another_region_is_told_as_before(echo: Plane) -> None:
    await refused(
        echo("Invoke", account_id=STRANGER, FunctionName=ARN.replace("central", "west")),
        "ResourceNotFoundException",
    )


async def test_what_the_function_denies_its_latest_denies_too(echo: Plane) -> None:
    await deny(echo, Action="lambda:UpdateFunctionConfiguration")
    for name in ("echo", "echo:$LATEST", f"{ARN}:$LATEST"):
        await refused(
            echo("UpdateFunctionConfiguration", FunctionName=name, Timeout=5),
            "AccessDeniedException",
        )


async def test_what_is_granted_is_done_in_the_account_of_the_function(echo: Plane) -> None:
    """Neither a stranger's layers nor its code signing configs come to another's function."""
    # Given
    await grant(echo, Action="lambda:*")
    layer = await echo(
        "PublishLayerVersion",
        account_id=STRANGER,
        LayerName="theirs",
        Content={"ZipFile": make_zip({"python/x.py": ""})},
    )
    config = await echo(
        "CreateCodeSigningConfig",
        account_id=STRANGER,
        AllowedPublishers={"SigningProfileVersionArns": [f"{ARN}:x"]},
    )
    # When, then
    call = {"account_id": STRANGER, "FunctionName": ARN}
    layers = [layer["LayerVersionArn"]]
    await refused(
        echo("UpdateFunctionConfiguration", **call, Layers=layers), "AccessDeniedException"
    )
    arn = config["CodeSigningConfig"]["CodeSigningConfigArn"]
    with pytest.raises(ClientError):
        await echo("PutFunctionCodeSigningConfig", **call, CodeSigningConfigArn=arn)
    changed = await echo("UpdateFunctionConfiguration", **call, Timeout=7)
    assert changed["FunctionArn"] == ARN


@pytest.mark.parametrize(
    ("caller", "arn"),
    [
        (Caller(STRANGER, REGION), f"arn:aws:iam::{STRANGER}:root"),
        (
            Caller(STRANGER, REGION, role=ROLE, session_name="session"),
            f"arn:aws:sts::{STRANGER}:assumed-role/worker/session",
        ),
        (
            Caller(STRANGER, REGION, user=f"arn:aws:iam::{STRANGER}:user/ann"),
            f"arn:aws:iam::{STRANGER}:user/ann",
        ),
    ],
)
async def test_what_is_refused_later_is_refused_to_who_asked(
    echo: Plane, caller: Caller, arn: str
) -> None:
    """A stranger's layer is no layer of the function's account, and the text names the stranger."""
    await grant(echo, Action="lambda:*")
    layer = await echo(
        "PublishLayerVersion",
        account_id=STRANGER,
        LayerName="theirs",
        Content={"ZipFile": make_zip({"python/x.py": ""})},
    )
    context = RequestContext("r-1", "lambda", "UpdateFunctionConfiguration", caller, "http://x")
    update = operations(echo.control)["lambda", "UpdateFunctionConfiguration"]
    with pytest.raises(ClientError) as caught:
        await update(context, {"FunctionName": ARN, "Layers": [layer["LayerVersionArn"]]})
    assert caught.value.message.startswith(f"User: {arn} is not authorized to perform")
