"""An answer may be sent while it is written."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from language import Language

from support.functions import DeployedFunction

pytestmark = [pytest.mark.slow, pytest.mark.root]
_END_OF_PRELUDE = "\0" * 8


@pytest.fixture
def read(make_function: Callable[..., DeployedFunction], language: Language) -> Callable[..., str]:
    """What a function streams: pieces of text, so many times. Some clients of AWS's tell function
    URLs before them which status and headers they have."""
    language.needs("streams")
    function = make_function(**language.settings(Handler=language.streaming_handler))

    def read(times: int, *pieces: str) -> str:
        event = {"do": "stream", "pieces": pieces, "times": times}
        answer = function.client.invoke_with_response_stream(
            FunctionName=function.name, Payload=json.dumps(event)
        )
        *chunks, end = answer["EventStream"]
        assert end == {"InvokeComplete": {}}
        text = b"".join(chunk["PayloadChunk"]["Payload"] for chunk in chunks).decode()
        return text.rpartition(_END_OF_PRELUDE)[2]

    return read


def test_pieces_arrive_in_order(read: Callable[..., str]) -> None:
    assert read(1, "one ", "zwölf ", "𝄞") == "one zwölf 𝄞"


def test_a_stream_may_be_longer_than_an_answer(
    read: Callable[..., str], language: Language
) -> None:
    language.needs("long streams")
    piece = "x" * (1 << 20)
    assert read(8, piece) == piece * 8
