"""What operators look at and do: JSON, by method and path, and never for a function."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest

from lambdad.errors import ClientError
from lambdad.gateway.app import Gateway
from lambdad.gateway.body import Body
from lambdad.gateway.http import Request, Response
from lambdad.model.caller import Caller, RequestContext

SIGNED = (
    b"AWS4-HMAC-SHA256 Credential=123456789012/20260101/eu-west-1/lambda/aws4_request, "
    b"SignedHeaders=host, Signature=00"
)


async def nothing(context: RequestContext, parameters: dict[str, Any]) -> Mapping[str, Any]:
    return {}


async def tell(caller: Caller, query: Mapping[str, str]) -> Mapping[str, Any]:
    if "missing" in query:
        raise ClientError("ResourceNotFoundException", "It is not there.", status=404)
    if "broken" in query:
        raise RuntimeError("secret")
    return {"account": caller.account_id, "region": caller.region, **query}


async def ask(
    method: str, target: str, headers: Mapping[bytes, bytes] = {}, caller: Caller | None = None
) -> Response:
    gateway = Gateway({("lambda", "Invoke"): nothing}, operator_routes={"POST /_lambdad/x": tell})
    request = Request(method, target.encode(), dict(headers), Body.of(b""), caller=caller)
    response = await gateway(request)
    assert response is not None
    return response


async def test_the_signature_says_whose_things_are_meant() -> None:
    response = await ask("POST", "/_lambdad/x?a=1&a=2", {b"authorization": SIGNED})

    assert response.status == 200
    assert json.loads(response.body) == {
        "account": "123456789012",
        "region": "eu-west-1",
        "a": "1",
    }


async def test_another_method_is_refused_with_those_there_are() -> None:
    response = await ask("GET", "/_lambdad/x")
    assert (response.status, response.headers["allow"]) == (405, "POST")


async def test_a_function_has_no_access() -> None:
    caller = Caller("000000000000", "us-east-1", "key", environment_id="e-1")
    response = await ask("POST", "/_lambdad/x", caller=caller)
    assert (response.status, json.loads(response.body)["code"]) == (403, "AccessDeniedException")


async def test_a_web_page_has_no_access() -> None:
    response = await ask("POST", "/_lambdad/x", {b"origin": b"http://evil.example"})
    assert response.status == 403


async def test_a_refusal_is_told_and_a_failure_says_nothing_about_us(
    caplog: pytest.LogCaptureFixture,
) -> None:
    missing = await ask("POST", "/_lambdad/x?missing=1")
    broken = await ask("POST", "/_lambdad/x?broken=1")

    assert (missing.status, json.loads(missing.body)) == (
        404,
        {"code": "ResourceNotFoundException", "message": "It is not there."},
    )
    assert broken.status == 500
    assert b"secret" not in broken.body
    assert "secret" in caplog.text


async def test_a_malformed_signature_is_refused() -> None:
    response = await ask("POST", "/_lambdad/x", {b"authorization": b"nonsense"})
    assert response.status == 403
