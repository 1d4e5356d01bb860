"""Process 1 of a sandbox: orphans, and children of the function."""

from __future__ import annotations

import os
import shutil

import pytest
from ruby_under_test import COMMAND
from scripted_api import event

needs_root = pytest.mark.skipif(
    os.getuid() != 0 or not shutil.which("unshare"), reason="needs root and unshare"
)
NAMESPACE = ["unshare", "--pid", "--fork", "--kill-child", "--mount-proc"]
AS_PROCESS_1 = [*NAMESPACE, *COMMAND]
HELPERS = """
def zombies
  File.read('/proc/self/task/1/children').split.map(&:to_i).select do |pid|
    File.read("/proc/#{pid}/stat").rpartition(')').last.split.first == 'Z'
  end
end
def settle(count)
  Thread.pass until zombies.size >= count
end
def orphan
  reading, writing = IO.pipe
  system('(read line <&9) 9<&0 & exit 0', in: reading, writing => :close)
  [reading, writing].each(&:close)  # which ends the orphan
end
"""
FUNCTION = f"""{HELPERS}
def handler(event:, context:)
  case event
  when 'orphan'
    orphan
    settle(1)
  when 'child'
    $child = START
    settle(1)
  when 'both'
    orphan
    settle(2)
  when 'status'
    pid = $child.is_a?(IO) ? $child.pid : $child
    return Process.wait2(pid).last.exitstatus
  end
  zombies.size
end
"""
STARTERS = {
    "spawn": "spawn('exit 7')",
    "Process.spawn": "Process.spawn({ 'A' => '7' }, 'exit $A', 2 => 1, unsetenv_others: true)",
    "Kernel.spawn": "Kernel.spawn('exit 7')",
    "fork": "fork { exit! 7 }",
    "fork without a block": "(fork or exit! 7)",
    "Process.fork": "Process.fork { exit! 7 }",
    "IO.popen": "IO.popen('exit 7', err: File::NULL)",
    "a pipe that is opened": "(open('|exit 7') rescue spawn('exit 7'))",  # Ruby 4 opens none
    "another thread": "Thread.new { spawn('exit 7') }.value",
}


@needs_root
@pytest.mark.root
@pytest.mark.parametrize("start", STARTERS.values(), ids=STARTERS)
def test_orphans_are_reaped_and_the_functions_own_children_are_not(run_ruby, start):
    events = ["orphan", "", "child", "both", "", "status", ""]
    function = FUNCTION.replace("START", start)

    outcome = run_ruby(function, [event(name) for name in events], command=AS_PROCESS_1)

    assert outcome.results() == [1, 0, 1, 2, 1, 7, 0], outcome.text


UNCHANGED = {
    "open with options": (
        "open(__FILE__, encoding: 'BINARY') { |file| [file.external_encoding.to_s, file.pid] }",
        ["ASCII-8BIT", None],
    ),
    "open of nothing": ("begin; open('/missing'); rescue => e; e.class; end", "Errno::ENOENT"),
    "a pipe in a block": ("IO.popen(['echo', '1'], &:read)", "1\n"),
    "a pipe to itself": ("IO.popen('-') { |pipe| pipe ? pipe.read : print(1) }", "1"),
    "spawn of nothing": ("begin; spawn('/missing'); rescue => e; e.class; end", "Errno::ENOENT"),
    "another Ractor": (
        "Ractor.new { Process.wait2(open(File::NULL) { spawn('exit 7') })[1].exitstatus }.TAKE",
        7,
    ),
    "what every object may be asked": (
        "[1.respond_to?(:open), nil.respond_to?(:spawn)]",
        [False] * 2,
    ),
}


@needs_root
@pytest.mark.root
@pytest.mark.parametrize(("statement", "expected"), UNCHANGED.values(), ids=UNCHANGED)
def test_methods_that_start_processes_do_what_they_do_elsewhere(run_ruby, statement, expected):
    take = "then { |it| it.respond_to?(:take) ? it.take : it.value }"  # the latter since Ruby 4
    function = f"def handler(event:, context:)\n{statement.replace('TAKE', take)}\nend\n"

    results = [
        run_ruby(function, [event()], command=command).results()
        for command in (COMMAND, AS_PROCESS_1)
    ]

    assert results == [[expected], [expected]]


@needs_root
@pytest.mark.root
def test_a_function_that_has_terminals_reaps_for_itself(run_ruby):
    function = f"""require 'pty'
{HELPERS}
def handler(event:, context:)
  return Process.wait2($terminal.last).last.exitstatus if $terminal
  $terminal = PTY.spawn('exit 7')
  settle(1)
  zombies.size
end
"""
    outcome = run_ruby(function, [event(), event()], command=AS_PROCESS_1)

    assert outcome.results() == [1, 7], outcome.text
