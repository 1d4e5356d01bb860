"""One environment's place, with a zygote that a test plays: in whatever order things happen."""

from __future__ import annotations

import gc
import json
import os
import resource
import socket
from collections.abc import Iterator

import pytest
from played_zygote import PlayedCgroups, PlayedZygote

from lambdad.launcher import entering, packets
from lambdad.launcher.contract import Exit, Order
from lambdad.launcher.forked_sandbox import ForkedSandbox, Ground
from lambdad.launcher.loop import Loop
from lambdad.launcher.slots import UserIds
from lambdad.launcher.standby import Program

ORDER = Order("environment", "python3.12", "000000000000", "code", 128, 512)
MB = 1024 * 1024


class Ward:
    """A sandbox, the node's ends of what it was given, and all that was told."""

    def __init__(self, loop: Loop) -> None:
        self.cgroups = PlayedCgroups()
        self.users = UserIds(10, 12)
        self.zygote: PlayedZygote = PlayedZygote()
        self.problem: OSError | None = None
        self.gone: list[ForkedSandbox] = []
        self.ends: list[Exit] = []
        self.channels: list[socket.socket] = []
        self.readings: list[int] = []
        self.assignment: dict[str, object] = {"variables": {"A": "1"}}
        self.with_assignment: list[int] = []
        self._ground = Ground(loop, self.cgroups, self.users)

    def make(self, program: Program | None = None) -> ForkedSandbox:
        self.sandbox = ForkedSandbox(
            self._ground, "e1", self._find_zygote, self.gone.append, is_ahead=True, program=program
        )
        return self.sandbox

    def furnish(self) -> None:
        self._give(lambda c, o: self.sandbox.furnish(ORDER, {}, c, o, self.ends.append))

    def restart(self) -> None:
        self._give(self.sandbox.restart)

    def _give(self, begin: object) -> None:
        ours, theirs = packets.socket_pair()
        ours.setblocking(False)
        packets.send(ours, self.assignment, self.with_assignment)
        reading, writing = os.pipe()
        try:
            begin(theirs.fileno(), writing)  # type: ignore[operator]
        finally:
            theirs.close()
            os.close(writing)
            self.channels.append(ours)
            self.readings.append(reading)

    def failure(self) -> str | None:
        """What was said to the node on the newest channel; None when nothing ever will be."""
        packet = packets.receive(self.channels[-1])
        return packet[0]["failed"] if packet else None

    def free_users(self) -> set[int]:
        taken = set()
        try:
            while True:
                taken.add(self.users.take())
        except OSError:
            return taken

    def close(self) -> None:
        for channel in self.channels:
            channel.close()
        for descriptor in self.readings:
            os.close(descriptor)
        self.zygote.close()

    def _find_zygote(self) -> PlayedZygote:
        if self.problem:
            raise self.problem
        return self.zygote


@pytest.fixture
def ward(loop: Loop) -> Iterator[Ward]:
    gc.collect()
    before = len(os.listdir("/proc/self/fd"))
    ward = Ward(loop)
    yield ward
    ward.close()
    assert len(os.listdir("/proc/self/fd")) <= before, "descriptors are left"


@pytest.fixture
def waiting(ward: Ward) -> ForkedSandbox:
    sandbox = ward.make()
    ward.zygote.wait()
    return sandbox


@pytest.fixture
def running(ward: Ward, waiting: ForkedSandbox) -> ForkedSandbox:
    ward.furnish()
    assert ward.zygote.take_assignment() == {"start": "pool", "program": None, "data_limit": None}
    return waiting


def assert_given_back(ward: Ward) -> None:
    assert ward.cgroups.groups == {}
    assert ward.free_users() == {10, 11}


# Waiting


def test_one_that_waits_learns_what_it_is_when_it_is_ordered(
    ward: Ward, waiting: ForkedSandbox
) -> None:
    ward.furnish()
    assert ward.zygote.take_assignment() == {"start": "pool", "program": None, "data_limit": None}
    assert ward.cgroups.groups["e1"].limits == (128, 512)
    waiting.discard()
    ward.zygote.exit()


def test_an_order_may_come_before_it_waits(ward: Ward) -> None:
    sandbox = ward.make()
    ward.furnish()
    ward.zygote.wait()
    assert ward.zygote.take_assignment() == {"start": "pool", "program": None, "data_limit": None}
    sandbox.discard()
    ward.zygote.exit()


def test_one_that_ends_waiting_is_gone_and_gives_everything_back(
    ward: Ward, waiting: ForkedSandbox
) -> None:
    ward.zygote.exit()
    assert ward.gone == [waiting]
    assert_given_back(ward)


def test_one_that_is_discarded_waiting_ends_and_gives_everything_back(
    ward: Ward, waiting: ForkedSandbox
) -> None:
    waiting.discard()
    assert ward.zygote.signals == ["kill"]
    ward.zygote.exit()
    assert ward.ends == []
    assert_given_back(ward)


@pytest.mark.parametrize("what", ["zygote", "fork", "cgroup", "entrances"])
def test_nothing_is_left_of_one_that_cannot_be_made(ward: Ward, what: str) -> None:
    problem = OSError("no process today")
    if what == "zygote":
        ward.problem = problem
    elif what == "fork":
        ward.zygote.problem = problem
    elif what == "cgroup":
        ward.cgroups.problem = problem
    else:
        ward.cgroups.entrance_problem = problem
    with pytest.raises(OSError, match="no process today"):
        ward.make()
    assert_given_back(ward)


# Ending


def test_its_end_is_told_and_its_place_stays(ward: Ward, running: ForkedSandbox) -> None:
    ward.zygote.exit(256)
    assert [how.status for how in ward.ends] == [256]
    assert ward.gone == []
    assert "e1" in ward.cgroups.groups
    running.discard()
    assert_given_back(ward)


def test_one_that_is_discarded_gives_everything_back_when_it_has_ended(
    ward: Ward, running: ForkedSandbox
) -> None:
    running.discard()
    assert "e1" in ward.cgroups.groups
    ward.zygote.exit(9)
    assert [how.status for how in ward.ends] == [9]
    assert_given_back(ward)


def test_what_failed_on_the_way_is_said_to_the_node(ward: Ward) -> None:
    ward.make()
    ward.furnish()
    ward.zygote.say({"failed": "mount: no"})
    ward.zygote.exit(256)
    assert ward.failure() == "mount: no"
    ward.sandbox.discard()


def test_one_that_ends_on_the_way_without_a_word_hangs_up(ward: Ward) -> None:
    ward.make()
    ward.furnish()
    ward.zygote.exit(9)
    assert ward.failure() is None
    assert [how.status for how in ward.ends] == [9]
    ward.sandbox.discard()


def test_a_limit_that_cannot_be_set_ends_it_with_the_reason(
    ward: Ward, waiting: ForkedSandbox
) -> None:
    ward.cgroups.groups["e1"].limit_problem = OSError("no such knob")
    ward.furnish()
    assert ward.failure() == "no such knob"
    assert ward.zygote.signals == ["kill"]
    ward.zygote.exit()
    waiting.discard()


def test_a_frozen_one_is_thawed_to_be_killed(ward: Ward, running: ForkedSandbox) -> None:
    ward.cgroups.groups["e1"].is_frozen = True
    running.kill()
    assert not ward.cgroups.groups["e1"].is_frozen
    assert ward.zygote.signals == ["kill"]
    ward.zygote.exit()
    running.discard()


def test_freezing_without_a_gauge_is_the_zygotes_affair(ward: Ward, running: ForkedSandbox) -> None:
    running.freeze()
    running.thaw()
    assert ward.zygote.signals == ["freeze", "thaw"]
    running.discard()
    ward.zygote.exit()


# Another run


def test_another_run_is_forked_into_the_same_place(ward: Ward, running: ForkedSandbox) -> None:
    # Given
    first = ward.zygote.requests[0]
    assert first["namespaces"] == 0
    ward.zygote.exit()
    # When
    ward.restart()
    ward.zygote.wait()
    # Then
    assert ward.zygote.take_assignment() == {"start": "pool", "program": None, "data_limit": None}
    second = ward.zygote.requests[1]
    assert (second["id"], second["uid"], second["namespaces"]) == ("e1", first["uid"], 1)
    running.discard()
    ward.zygote.exit()
    assert len(ward.ends) == 2
    assert_given_back(ward)


def test_another_run_is_not_frozen_because_the_last_one_was(
    ward: Ward, running: ForkedSandbox
) -> None:
    ward.cgroups.groups["e1"].is_frozen = True
    ward.zygote.exit()  # the kernel killed it, and not the node
    ward.restart()
    assert not ward.cgroups.groups["e1"].is_frozen
    running.discard()
    ward.zygote.exit()


@pytest.mark.parametrize("what", ["zygote", "fork"])
def test_a_run_that_cannot_be_forked_leaves_the_place_to_be_discarded(
    ward: Ward, running: ForkedSandbox, what: str
) -> None:
    ward.zygote.exit()
    if what == "zygote":
        ward.problem = OSError("no process today")
    else:
        ward.zygote.problem = OSError("no process today")
    with pytest.raises(OSError, match="no process today"):
        ward.restart()
    running.discard()
    assert len(ward.ends) == 1
    assert_given_back(ward)


# Memory


@pytest.mark.parametrize(("in_use", "is_over"), [(128 * MB, False), (128 * MB + 1, True)])
def test_one_that_uses_too_much_is_killed(
    ward: Ward, running: ForkedSandbox, in_use: int, is_over: bool
) -> None:
    ward.cgroups.groups["e1"].in_use = in_use
    assert (running.check_memory() is None) == is_over
    assert ward.zygote.signals == ["kill"] * is_over
    ward.zygote.exit()
    assert ward.ends[0].out_of_memory == is_over
    running.discard()


def test_one_that_lost_a_process_to_the_kernel_is_killed(
    ward: Ward, running: ForkedSandbox
) -> None:
    """The others would go on without it."""
    ward.cgroups.groups["e1"].kills = 1
    assert running.check_memory() is None
    assert ward.zygote.signals == ["kill"]
    ward.zygote.exit()
    assert ward.ends[0].out_of_memory
    running.discard()


def test_a_run_is_not_out_of_memory_because_the_last_one_was(
    ward: Ward, running: ForkedSandbox
) -> None:
    group = ward.cgroups.groups["e1"]
    group.kills, group.in_use, group.peak = 1, 200 * MB, 300 * MB
    running.check_memory()
    ward.zygote.exit()
    group.in_use = 0
    ward.restart()
    ward.zygote.wait()
    assert running.check_memory() is not None
    ward.zygote.exit(0)
    assert [how.out_of_memory for how in ward.ends] == [True, False]
    assert group.peak == 0  # it was forgotten
    running.discard()


# Programs of other languages


PROGRAM = Program(["/bin/program"], {"LANG": "C"})


def test_a_program_is_told_its_variables_and_the_node_gets_its_output(ward: Ward) -> None:
    # Given
    ward.make(PROGRAM)
    ward.zygote.wait()
    told = ward.zygote.requests[-1]["standby"]
    variables = entering.with_addresses({"LANG": "C", "_LAMBDAD_WAITS": "1"}, [])
    assert told == {"command": ["/bin/program"], "variables": variables}
    # When
    ward.furnish()
    # Then
    standard_input, output = ward.zygote.pipes
    assert json.loads(os.read(standard_input, 4096))["variables"]["A"] == "1"
    assert os.read(standard_input, 1) == b"", "there is no end of it"
    os.write(output, b"printed")
    packet = packets.receive(ward.channels[-1])
    assert packet is not None
    assert packet[0]["handed"] == ["output"]
    assert os.read(packet[1][0], 100) == b"printed"
    os.close(packet[1][0])
    ward.zygote.exit()
    ward.sandbox.discard()
    assert_given_back(ward)


def test_a_program_that_has_gone_is_told_to_the_node(ward: Ward) -> None:
    ward.make(PROGRAM)
    ward.zygote.wait()
    os.close(ward.zygote.pipes.pop(0))  # nobody reads what it is told
    ward.furnish()
    assert "Broken pipe" in str(ward.failure())
    ward.zygote.exit()
    ward.sandbox.discard()
    assert_given_back(ward)


@pytest.mark.parametrize("nonsense", [{}, {"variables": 5}])
def test_an_assignment_that_nobody_understands_ends_it(
    ward: Ward, nonsense: dict[str, object]
) -> None:
    ward.make(PROGRAM)
    ward.zygote.wait()
    ward.assignment = nonsense
    ward.furnish()
    assert "no variables" in str(ward.failure())
    assert ward.zygote.signals == ["kill"]
    ward.zygote.exit()
    ward.sandbox.discard()
    assert_given_back(ward)


def test_descriptors_in_an_assignment_are_closed(ward: Ward) -> None:
    ward.make(PROGRAM)
    ward.zygote.wait()
    ward.with_assignment = [0, 1]
    ward.furnish()
    ward.zygote.exit()
    ward.sandbox.discard()
    packet = packets.receive(ward.channels[-1])
    assert packet is not None
    os.close(packet[1][0])
    assert_given_back(ward)  # and the ward counts descriptors at its end


def test_variables_that_no_pipe_holds_are_refused(ward: Ward) -> None:
    ward.make(PROGRAM)
    ward.zygote.wait()
    ward.assignment = {"variables": {"A": "x" * 100_000}}
    ward.furnish()
    assert "too small" in str(ward.failure())
    ward.zygote.exit()
    ward.sandbox.discard()
    assert_given_back(ward)


def test_a_program_that_nobody_needs_reads_the_end(ward: Ward) -> None:
    ward.make(PROGRAM)
    ward.zygote.wait()
    standard_input = ward.zygote.pipes[0]
    ward.sandbox.discard()
    kept = os.dup(standard_input)
    ward.zygote.exit()
    assert os.read(kept, 1) == b""
    os.close(kept)
    assert_given_back(ward)


def test_a_program_whose_pipes_cannot_be_handed_on_leaves_nothing(ward: Ward) -> None:
    ward.zygote.problem = OSError("no more processes")
    with pytest.raises(OSError, match="no more"):
        ward.make(PROGRAM)
    assert_given_back(ward)


def test_without_descriptors_no_pipe_is_left(ward: Ward) -> None:
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    used = max(int(name) for name in os.listdir("/proc/self/fd"))
    refusals = 0
    for most in range(3, used + 20):
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, limits[1]))
        try:
            ward.make(PROGRAM)
        except OSError:
            refusals += 1
        else:
            ward.zygote.exit()
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, limits)
    assert 0 < refusals < used + 17
    assert_given_back(ward)  # and the ward counts descriptors at its end
