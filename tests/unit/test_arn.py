"""A layer in all its forms."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lambdad.arn import LayerIdentifier, layer_arn, parse_layer_identifier

NAMES = st.from_regex(r"[a-zA-Z0-9-_]{1,140}", fullmatch=True)
ACCOUNTS = st.from_regex(r"[0-9]{12}", fullmatch=True)
REGIONS = st.sampled_from(["us-east-1", "us-gov-west-1", "us-isob-east-1", "eusc-de-east-1"])
VERSIONS = st.none() | st.integers(min_value=0, max_value=10**18 - 1)


@given(ACCOUNTS, REGIONS, NAMES, VERSIONS)
def test_what_is_written_is_read(
    account_id: str, region: str, name: str, version: int | None
) -> None:
    arn = layer_arn(account_id, region, name, version)
    assert parse_layer_identifier(arn) == LayerIdentifier(name, version, account_id, region)


@given(NAMES)
def test_a_name_alone_is_a_layer(name: str) -> None:
    assert parse_layer_identifier(name) == LayerIdentifier(name)


@given(st.text() | st.from_regex(r"(arn:|layer|aws|lambda|:|[0-9]|[a-z]|-|\n)+", fullmatch=True))
def test_any_text_is_a_layer_or_none(text: str) -> None:
    found = parse_layer_identifier(text)
    if found is not None and found.account_id is not None:
        assert text.endswith(f":layer:{text.partition(':layer:')[2]}")
        assert found.name in text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "name:1",
        "layer:name",
        "name\n",
        "arn:aws:lambda:us-east-1:123456789012:function:name",
        "arn:aws:lambda:us-east-1:123456789012:layer:",
        "arn:aws:lambda:us-east-1:123456789012:layer:name:",
        "arn:aws:lambda:us-east-1:123456789012:layer:name:1:2",
        "arn:aws:lambda:us-east-1:123456789012:layer:name:" + "9" * 5_000,
        "arn:aws:lambda:us-east-1:12345:layer:name:1",
        "arn:aws:lambda:::awslayer:AmazonLinux1703",
    ],
)
def test_what_is_no_layer_is_none(text: str) -> None:
    assert parse_layer_identifier(text) is None


def test_a_name_of_digits_is_no_version() -> None:
    arn = "arn:aws-cn:lambda:cn-north-1:123456789012:layer:5"
    assert parse_layer_identifier(arn) == LayerIdentifier("5", None, "123456789012", "cn-north-1")
