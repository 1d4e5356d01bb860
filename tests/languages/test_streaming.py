"""An answer may be sent while it is written."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from language import Language

from support.functions import DeployedFunction

pytestmark = [pytest.mark.slow, pytest.mark.root]


def test_pieces_of_an_answer_arrive(
    make_function: Callable[..., DeployedFunction], language: Language
) -> None:
    language.needs("streams")
    function = make_function(**language.settings(Handler=language.streaming_handler))
    answer = function.client.invoke_with_response_stream(
        FunctionName=function.name, Payload='{"do": "stream", "pieces": ["one ", "zwölf ", "𝄞"]}'
    )
    *chunks, end = answer["EventStream"]
    written = b"".join(chunk["PayloadChunk"]["Payload"] for chunk in chunks)
    assert (written.decode(), end) == ("one zwölf 𝄞", {"InvokeComplete": {}})
