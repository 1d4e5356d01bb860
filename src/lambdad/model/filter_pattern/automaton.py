"""Chains of characters, some optional or repeated, looked for in linear time.

A set of places in the chains is a number, one bit for each place; a character leads from one set
to the next. Sets that were met, and where each character led from there, are remembered: a state
is a dictionary, and mostly a character costs one look into it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

REMEMBERED = 4_096  # ways from state to state, before all is forgotten and begun anew

_OTHER = "\x80"  # stands for every character beyond ASCII
_OTHERS = re.compile(r"[^\x00-\x7f]")


@dataclass(frozen=True, slots=True)
class Characters:
    """Some characters of ASCII, with or without all others."""

    ascii: frozenset[str]
    has_others: bool = False

    def __contains__(self, character: str) -> bool:
        return character in self.ascii if character.isascii() else self.has_others


@dataclass(frozen=True, slots=True)
class Item:
    """One character; optional if it may be missing, repeated if it may come again and again."""

    characters: Characters
    is_optional: bool = False
    is_repeated: bool = False


@dataclass(frozen=True, slots=True)
class Alternative:
    """One chain. `begins` and `ends` say that it stands at the message's beginning or end."""

    items: tuple[Item, ...]
    begins: bool = False
    ends: bool = False


class _State(dict[str, "_State"]):
    """A set of places, and where each character leads."""

    __slots__ = ("automaton", "is_end", "is_found", "places")

    def __init__(self, automaton: Automaton, places: int) -> None:
        self.automaton = automaton
        self.places = places
        self.is_found = bool(places & automaton.found)
        self.is_end = bool(places & (automaton.found | automaton.found_at_end))

    def __missing__(self, character: str) -> _State:
        state = self[character] = self.automaton.follow(self, character)
        return state


@dataclass(slots=True, eq=False)
class Automaton:
    """Looks for any of the alternatives."""

    alternatives: tuple[Alternative, ...]
    found: int = field(default=0, init=False)  # the last places of chains that need no end
    found_at_end: int = field(default=0, init=False)
    _items: list[Item | None] = field(default_factory=list, init=False)
    # Of each run of optional items: the first place; the place behind it; all but the first.
    _run_starts: int = field(default=0, init=False)
    _run_ends: int = field(default=0, init=False)
    _run_insides: int = field(default=0, init=False)
    _repeated: int = field(default=0, init=False)
    _beginning: int = field(default=0, init=False)  # places where a message begins
    _anywhere: int = field(default=0, init=False)  # and where any of its parts may
    _with: dict[str, int] = field(default_factory=dict, init=False)
    _states: dict[int, _State] = field(default_factory=dict, init=False)
    _ways: int = field(default=0, init=False)

    def __post_init__(self) -> None:
        for alternative in self.alternatives:
            self._add(alternative)
        self._anywhere = self._closed(self._anywhere)
        self._beginning = self._closed(self._beginning) | self._anywhere

    def finds(self, message: str) -> bool:
        """Whether any part of the message is an alternative. Before the end of a message there may
        be the end of its line."""
        state = self._state(self._beginning)
        if state.is_found:
            return True
        line = message.removesuffix("\n")
        if not line.isascii():
            line = _OTHERS.sub(_OTHER, line)
        for character in line:
            state = state[character]
            if state.is_found:
                return True
        if state.is_end:
            return True
        return len(line) < len(message) and state["\n"].is_end

    def follow(self, state: _State, character: str) -> _State:
        """Where the character leads from there."""
        self._ways += 1
        if self._ways > REMEMBERED:
            self._ways, self._states = 0, {}
        met = state.places & self._places_with(character)
        repeated = met & self._repeated
        places = repeated | ((met ^ repeated) << 1)
        return self._state(self._closed(places) | self._anywhere)

    def _state(self, places: int) -> _State:
        state = self._states.get(places)
        if state is None:
            state = self._states[places] = _State(self, places)
        return state

    def _places_with(self, character: str) -> int:
        """The places at which the character may come next."""
        places = self._with.get(character)
        if places is None:
            places = 0
            for number, item in enumerate(self._items):
                if item is not None and character in item.characters:
                    places |= 1 << number
            self._with[character] = places
        return places

    def _closed(self, places: int) -> int:
        """With the places that are reached by leaving out what is optional: in each run those
        behind the lowest. Taking 1 from a run changes its bits up to the lowest that is set."""
        marked = places | self._run_ends
        changed = marked ^ (marked - self._run_starts)
        return places | (self._run_insides & ~changed)

    def _add(self, alternative: Alternative) -> None:
        first = 1 << len(self._items)
        self._beginning |= first
        if not alternative.begins:
            self._anywhere |= first
        was_optional = False
        for item in alternative.items:
            self._add_item(item, was_optional)
            was_optional = item.is_optional
        last = 1 << len(self._items)
        self._items.append(None)
        self._run_ends |= last if was_optional else 0
        self._run_insides |= last if was_optional else 0
        if alternative.ends:
            self.found_at_end |= last
        else:
            self.found |= last

    def _add_item(self, item: Item, was_optional: bool) -> None:
        place = 1 << len(self._items)
        self._items.append(item)
        if item.is_repeated:
            self._repeated |= place
        if was_optional:
            self._run_insides |= place
        if item.is_optional and not was_optional:
            self._run_starts |= place
        if was_optional and not item.is_optional:
            self._run_ends |= place
