"""The token index: it says no only when the answer is no, and it says it often enough."""

from __future__ import annotations

from hashlib import sha256

from hypothesis import given
from hypothesis import strategies as st

from lambdad.observe.token_index import make_index, may_contain

END = b"\xff"
messages = st.lists(st.text("abcdefgh01 -:/ü", max_size=60), min_size=1, max_size=8)


@given(messages, st.data())
def test_whatever_is_in_the_text_may_be_in_it(lines: list[str], data: st.DataObject) -> None:
    text = b"".join(line.encode() + END for line in lines)
    line = data.draw(st.sampled_from(lines))
    start = data.draw(st.integers(0, len(line)))
    term = line[start : data.draw(st.integers(start, len(line)))]
    assert may_contain(make_index(text, END), [term.encode()])


def test_identifiers_that_are_not_there_are_mostly_said_not_to_be() -> None:
    identifiers = [sha256(b"%d" % number).hexdigest()[:32].encode() for number in range(4_000)]
    index = make_index(b"".join(b"id=" + each + END for each in identifiers[:2_000]), END)

    for wanted in (slice(None), slice(1, 31)):
        assert all(may_contain(index, [each[wanted]]) for each in identifiers[:2_000])
        wrong = sum(may_contain(index, [each[wanted]]) for each in identifiers[2_000:])
        assert wrong < 400


def test_a_long_text_is_looked_at_to_its_end() -> None:
    text = b"".join(b"number %012d" % number + END for number in range(20_000))
    index = make_index(text, END)
    assert all(may_contain(index, [b" %012d" % number]) for number in range(0, 20_000, 97))


def test_damaged_index_hides_nothing() -> None:
    index = bytearray(make_index(b"abcdefghijklmnop" + END, END))
    assert not may_contain(index, [b" 0123456789abcdef"])
    index[5] ^= 1
    assert may_contain(index, [b" 0123456789abcdef"])
