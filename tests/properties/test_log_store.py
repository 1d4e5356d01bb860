"""The log store against a model of it: a list of lines for each stream."""

from __future__ import annotations

import tempfile
from collections import defaultdict
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from lambdad.model.log_line import LogLine, Position, StoredLine
from lambdad.observe.log_store import LogStore

HERE = ("000000000000", "us-east-1")
groups = st.sampled_from(["g", "h"])
streams = st.sampled_from(["a", "b", "c"])
some_lines = st.lists(
    st.builds(
        LogLine,
        timestamp_ms=st.integers(0, 50),
        message=st.one_of(st.text(max_size=5), st.text("1a\n", max_size=5)),
    ),
    min_size=1,
    max_size=4,
)


def size_of(line: LogLine) -> int:
    """As CloudWatch counts it."""
    return len(line.message.encode()) + 26


class LogStoreAgainstModel(RuleBasedStateMachine):
    """Append, create, delete, flush and reopen in any order; then read in every way."""

    def __init__(self) -> None:
        super().__init__()
        self.directory = tempfile.TemporaryDirectory()
        self.model: dict[str, dict[str, list[LogLine]]] = {}
        self.cutoffs: dict[str, int] = {}
        self.deleted_bytes: dict[str, int] = {}  # which the archive may not know yet
        self.store = self.open()

    def open(self) -> LogStore:
        return LogStore.open(Path(self.directory.name), flush_every=60, segment_size=400)

    def teardown(self) -> None:
        self.store.close()
        self.directory.cleanup()

    @rule(group=groups, stream=streams, lines=some_lines)
    def append(self, group: str, stream: str, lines: list[LogLine]) -> None:
        self.store.append(*HERE, group, stream, lines)
        self.model.setdefault(group, defaultdict(list))[stream] += lines

    @rule(group=groups)
    def create_group(self, group: str) -> None:
        self.store.create_group(*HERE, group)
        self.model.setdefault(group, defaultdict(list))

    @rule(group=groups, stream=streams)
    def create_stream(self, group: str, stream: str) -> None:
        self.store.create_stream(*HERE, group, stream)
        self.model.setdefault(group, defaultdict(list))[stream] += []

    @rule(group=groups)
    def delete_group(self, group: str) -> None:
        self.store.delete_group(*HERE, group)
        self.model.pop(group, None)
        self.deleted_bytes.pop(group, None)

    @rule(group=groups, stream=streams)
    def delete_stream(self, group: str, stream: str) -> None:
        if group in self.model:
            self.store.delete_stream(*HERE, group, stream)
            gone = self.model[group].pop(stream, [])
            size = self.deleted_bytes.get(group, 0)
            self.deleted_bytes[group] = size + sum(map(size_of, gone))

    @rule()
    def flush(self) -> None:
        self.store.flush()

    @rule()
    def pack(self) -> None:
        self.store.pack()
        self.deleted_bytes.clear()
        assert self.store.stored_bytes(*HERE) == {
            group: sum(size_of(line) for lines in streams.values() for line in lines)
            for group, streams in self.model.items()
        }

    @rule(group=groups, cutoff_ms=st.integers(0, 50))
    def expire(self, group: str, cutoff_ms: int) -> None:
        """The clock stands still, later than all lines, and no stream goes for its age."""
        self.cutoffs[group] = max(cutoff_ms, self.cutoffs.get(group, 0))
        self.store.expire(self.keyed_cutoffs())

    @rule()
    def reopen(self) -> None:
        self.store.close()
        self.store = self.open()
        self.store.expire(self.keyed_cutoffs())

    @invariant()
    def groups_have_at_least_their_lines(self) -> None:
        """And at most what was deleted of the archive besides; nothing of a group that was."""
        sizes = self.store.stored_bytes(*HERE)
        assert sizes.keys() == self.model.keys()
        for group, streams in self.model.items():
            size = sum(size_of(line) for lines in streams.values() for line in lines)
            assert size <= sizes[group] <= size + self.deleted_bytes.get(group, 0)

    def keyed_cutoffs(self) -> dict[tuple[str, str, str], int]:
        return {(*HERE, group): cutoff_ms for group, cutoff_ms in self.cutoffs.items()}

    def readable(self, group: str, stream: str) -> list[LogLine]:
        cutoff_ms = self.cutoffs.get(group, 0)
        return sorted(
            (line for line in self.model[group][stream] if line.timestamp_ms >= cutoff_ms),
            key=lambda line: line.timestamp_ms,
        )

    @invariant()
    def same_groups_and_streams(self) -> None:
        assert {group.name for group in self.store.groups(*HERE)} == set(self.model)
        for group, lines in self.model.items():
            found = self.store.streams(*HERE, group)
            assert {stream.name for stream in found} == set(lines)
            for stream in found:
                times = [line.timestamp_ms for line in lines[stream.name]]
                assert (stream.first_ms, stream.last_ms) == (
                    min(times, default=None),
                    max(times, default=None),
                )

    @invariant()
    def same_lines_in_order_of_time_and_arrival(self) -> None:
        for group, lines in self.model.items():
            for stream in lines:
                expected = self.readable(group, stream)
                found = self.store.read(*HERE, group, [stream])
                assert [line.line for line in found] == expected
                begun = self.store.search(*HERE, group, prefix=stream)
                assert [each.line for each in begun if isinstance(each, StoredLine)] == expected
                assert [each.name for each in self.store.streams(*HERE, group, stream)] == [stream]

    @invariant()
    def reading_backwards_or_in_two_parts_gives_the_same_lines(self) -> None:
        for group in self.model:
            found = list(self.store.read(*HERE, group))
            assert found == sorted(found, key=lambda line: line.position)
            assert found == list(self.store.read(*HERE, group, newest_first=True))[::-1]
            if found:
                middle = found[len(found) // 2].position
                before = list(self.store.read(*HERE, group, until=middle))
                assert before + list(self.store.read(*HERE, group, since=middle)) == found
            in_window = [line for line in found if 10 <= line.position.timestamp_ms < 30]
            assert list(self.store.read(*HERE, group, None, 10, 30)) == in_window

    @invariant()
    def a_search_finds_what_has_all_terms_and_reaches_places_between(self) -> None:
        for group in self.model:
            found = list(self.store.read(*HERE, group))
            for terms in (["a"], ["1", "a"], ["no such"]):
                searched = list(self.store.search(*HERE, group, terms=terms))
                assert [line for line in searched if isinstance(line, StoredLine)] == [
                    line for line in found if all(term in line.line.message for term in terms)
                ]
                places = [
                    each if isinstance(each, Position) else each.position for each in searched
                ]
                assert places == sorted(places)


LogStoreAgainstModel.TestCase.settings = settings(
    max_examples=25, stateful_step_count=25, deadline=None
)
TestLogStore = pytest.mark.slow(LogStoreAgainstModel.TestCase)
