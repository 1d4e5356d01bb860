"""Who a caller is told to be."""

from __future__ import annotations

import re

from lambdad.model.caller import Caller
from support.control_plane import refused
from support.identity import ACCOUNT, TRUSTING, Identity


async def test_who_is_nobody_else_is_the_root_of_the_account(iam: Identity) -> None:
    caller = Caller("000000000000", "us-east-1", access_key_id="test")
    assert await iam("GetCallerIdentity", caller=caller) == {
        "UserId": "000000000000",
        "Account": "000000000000",
        "Arn": "arn:aws:iam::000000000000:root",
    }


async def test_a_function_is_a_session_of_its_role(iam: Identity) -> None:
    # Given
    role = "arn:aws:iam::123456789012:role/service-role/reader"
    caller = Caller(ACCOUNT, "us-east-1", None, "env-1", role, "thumbnail")
    # When IAM does not know the role
    answer = await iam("GetCallerIdentity", caller=caller)
    # Then
    assert answer["Account"] == "123456789012"
    assert answer["Arn"] == "arn:aws:sts::123456789012:assumed-role/reader/thumbnail"
    assert re.fullmatch(r"AROA[A-Z2-7]{17}:thumbnail", answer["UserId"])
    # When it does
    known = await iam(
        "CreateRole", RoleName="reader", Path="/service-role/", AssumeRolePolicyDocument=TRUSTING
    )
    # Then its id is told
    answer = await iam("GetCallerIdentity", caller=caller)
    assert answer["UserId"] == f"{known['Role']['RoleId']}:thumbnail"


async def test_a_key_of_a_user_is_the_user(iam: Identity) -> None:
    user = (await iam("CreateUser", UserName="ann", Path="/team/"))["User"]
    key = (await iam("CreateAccessKey", UserName="ann"))["AccessKey"]["AccessKeyId"]
    assert await iam("GetCallerIdentity", key=key, region="us-west-2") == {
        "UserId": user["UserId"],
        "Account": ACCOUNT,
        "Arn": "arn:aws:iam::123456789012:user/team/ann",
    }


async def test_a_key_id_that_names_no_account_is_refused(iam: Identity) -> None:
    for key in ("AKIAIOSFODNN7EXAMPLE", "0000000000000000"):
        await refused(iam("GetAccessKeyInfo", AccessKeyId=key), "ValidationException")
