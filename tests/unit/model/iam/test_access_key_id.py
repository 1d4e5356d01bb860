"""Access key ids name their account."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lambdad.model.iam.access_key_id import account_of, make_access_key_id


@given(
    st.sampled_from(["AKIA", "ASIA"]),
    st.integers(0, 10**12 - 1).map(lambda number: f"{number:012d}"),
    st.integers(0, 2**39 - 1),
)
def test_an_id_names_its_account(prefix: str, account_id: str, number: int) -> None:
    id = make_access_key_id(prefix, account_id, number)
    assert re.fullmatch(prefix + "[A-Z2-7]{16}", id)
    assert account_of(id) == account_id
    if number:
        assert make_access_key_id(prefix, account_id, number - 1) != id


@pytest.mark.parametrize(
    "text",
    [
        "",
        "test",
        "123456789012",
        "AKIA" + "A" * 16,  # without the highest bit
        "AKIA" + "7" * 16,  # of an account with thirteen digits
        "AKIA" + "1" * 16,
        "AKIA" + "ä" * 16,
        "AKIA" + "=" * 16,
        "AROAQNZGKIQY56JQ7WML",
        "AKIAQNZGKIQY56JQ7WMLX",
    ],
)
def test_another_text_names_none(text: str) -> None:
    assert account_of(text) is None


@given(st.text(max_size=24))
def test_any_text_is_read(text: str) -> None:
    account_of(text)
    account_of("AKIA" + text)
