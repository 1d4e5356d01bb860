"""Prints numbered lines of some 120 bytes for so many `seconds`, as fast as it can or so many in a
second, each with the moment at which it was printed, on the clock that all processes share."""

import time

PADDING = "the order was taken, paid for, packed and sent, as it should be;"


def handler(event, context):
    """Returns how many lines it has printed."""
    ends = time.monotonic() + event["seconds"]
    pause = 1 / event["per_second"] if event.get("per_second") else 0
    count, due = 0, time.monotonic()
    while time.monotonic() < ends:
        print(
            f"line={count:09d} at={time.monotonic_ns():020d} INFO {PADDING} id={count * 7919:012x}"
        )
        count += 1
        due += pause
        if pause and due > time.monotonic() + 0.01:
            time.sleep(due - time.monotonic())
    return count
