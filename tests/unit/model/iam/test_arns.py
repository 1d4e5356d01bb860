"""ARNs of IAM."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lambdad.model.iam.arns import IamArn, parse_iam_arn


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("arn:aws:iam::123456789012:role/a", ("123456789012", "role", "/", "a")),
        ("arn:aws:iam::123456789012:user/x/y/a+b", ("123456789012", "user", "/x/y/", "a+b")),
        ("arn:aws:iam::aws:policy/service-role/P", ("aws", "policy", "/service-role/", "P")),
    ],
)
def test_an_arn_is_read_and_written(text: str, parts: tuple[str, str, str, str]) -> None:
    arn = parse_iam_arn(text)
    assert arn == IamArn(*parts)
    assert str(arn) == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "arn:aws:iam::123456789012:role/",
        "arn:aws:iam::123456789012:role",
        "arn:aws:iam::12345678901:role/a",
        "arn:aws:iam::123456789012:root",
        "arn:aws:sts::123456789012:federated-user/a",
        "arn:aws:iam:us-east-1:123456789012:role/a",
        "arn:aws:iam::123456789012:role/a\n",
        "arn:aws:iam::123456789012:role/x:y",
    ],
)
def test_another_text_is_none(text: str) -> None:
    assert parse_iam_arn(text) is None


@given(st.text(st.sampled_from("arn:awsim/role0123 x\n"), max_size=60))
def test_what_is_read_is_written_the_same(text: str) -> None:
    arn = parse_iam_arn(f"arn:aws:iam::123456789012:role/{text}")
    assert arn is None or str(arn) == f"arn:aws:iam::123456789012:role/{text}"
