"""The filter language of CloudWatch Logs: which lines pass, and what they tell.

    ERROR -DEBUG "out of memory"              terms                         terms.py
    { $.level = "ERR*" && $.tries > 2 }       members of a JSON message     json_pattern.py
    [ip, user, ..., status = 4*, bytes]       columns between spaces        columns.py
    %4\\d\\d%                                   regular expressions, in each  regex.py

A pattern is read once and held against many messages, whose authors may be hostile: nothing here
takes more than linear time for a message.
"""

from __future__ import annotations

from lambdad.model.filter_pattern.pattern import FilterPattern, InvalidFilterPattern


def parse_filter_pattern(text: str) -> FilterPattern:
    """Read a pattern; InvalidFilterPattern says what is wrong with it."""
    # Only here: its parts would cost every start some 30 ms.
    from lambdad.model.filter_pattern.parse import parse_filter_pattern

    return parse_filter_pattern(text)


__all__ = ["FilterPattern", "InvalidFilterPattern", "parse_filter_pattern"]
