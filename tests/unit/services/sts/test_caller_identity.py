"""Who a caller is told to be."""

from __future__ import annotations

import re

from lambdad.model.caller import Caller, RequestContext
from lambdad.services.sts.caller_identity import get_caller_identity


async def identity(caller: Caller) -> dict[str, str]:
    context = RequestContext("r-1", "sts", "GetCallerIdentity", caller, "http://127.0.0.1:4566")
    return await get_caller_identity(context, {})


async def test_a_user_is_the_root_of_the_account() -> None:
    assert await identity(Caller("000000000000", "us-east-1", access_key_id="test")) == {
        "UserId": "000000000000",
        "Account": "000000000000",
        "Arn": "arn:aws:iam::000000000000:root",
    }


async def test_a_function_is_a_session_of_its_role() -> None:
    role = "arn:aws:iam::123456789012:role/service-role/reader"
    answer = await identity(Caller("123456789012", "us-east-1", None, "env-1", role, "thumbnail"))
    assert answer["Account"] == "123456789012"
    assert answer["Arn"] == "arn:aws:sts::123456789012:assumed-role/reader/thumbnail"
    assert re.fullmatch(r"AROA[A-Z2-7]{17}:thumbnail", answer["UserId"])
