"""Processes that are started ahead of their function, and how processes end."""

from __future__ import annotations

import os
import signal
import subprocess

import pytest
from ruby_under_test import AHEAD, COMMAND, RUBY, STARTS
from scripted_api import REQUEST_ID, event


def handler(*statements):
    return "def handler(event:, context:)\n" + "\n".join(statements) + "\nend\n"


@pytest.mark.skipif(RUBY is None, reason="this machine has no Ruby")
def test_a_process_that_nobody_needs_ends_quietly():
    waiting = {"_LAMBDAD_WAITS": "1"}
    answer = subprocess.run(
        COMMAND, env=waiting, stdin=subprocess.DEVNULL, capture_output=True, check=True
    )
    assert (answer.stdout, answer.stderr) == (b"", b"")


def test_the_environment_is_exactly_what_the_process_is_told(run_ruby):
    function = handler("[ENV.to_h, `/usr/bin/env`.lines.map(&:chomp)]")
    given = {"NAME": "Zoë", "RUBYLIB": "/opt/x", "GEM_PATH": "/opt/y"}
    outcome = run_ruby(
        function, [event(Lambda_Runtime_Trace_Id=None)], variables=given, command=AHEAD
    )

    seen, of_child = outcome.results()[0]
    assert {name: seen[name] for name in given} == given
    assert {"_LAMBDAD_WAITS", "NOBODY"}.isdisjoint(seen)
    assert sorted(of_child) == sorted(f"{name}={value}" for name, value in seen.items())


def test_after_waiting_everything_is_as_at_once(run_ruby):
    function = "require 'logger'\nrequire 'helper'\n" + handler(
        "Logger.new($stdout).info(context.aws_request_id)",
        "[event, HELP, Dir.pwd == ENV['LAMBDA_TASK_ROOT'], Time.new(2026).utc_offset, __FILE__]",
    )
    files = {"app.rb": function, "helper.rb": "HELP = 1"}
    zone = {"TZ": "Etc/GMT-2"}
    at_once = run_ruby(files, [event("ë")], variables=zone)
    later = run_ruby(files, [event("ë")], variables=zone, command=AHEAD)

    assert later.results() == at_once.results()
    assert later.results()[0][:4] == ["ë", 1, True, 7200]
    assert f"INFO {REQUEST_ID} -- : {REQUEST_ID}" in later.text
    assert "rehearsal" not in later.text


@pytest.mark.parametrize("command", STARTS.values(), ids=STARTS)
def test_options_that_ruby_reads_at_its_start_count(run_ruby, command):
    variables = {"RUBYOPT": "-ropen3 -W0", "RUBY_THREAD_VM_STACK_SIZE": "2097152"}
    function = handler(
        "size = RubyVM::DEFAULT_PARAMS[:thread_vm_stack_size]",
        "[defined?(Open3), $VERBOSE, size, ENV['RUBYOPT'], ARGV]",
    )
    outcome = run_ruby(function, [event()], variables=variables, command=command)
    assert outcome.results() == [["constant", None, 2097152, "-ropen3 -W0", []]]


def test_libraries_that_come_with_the_function_count(run_ruby, tmp_path):
    variables = {"LD_LIBRARY_PATH": str(tmp_path / "task")}
    function = handler("File.read('/proc/self/environ').include?('LD_LIBRARY_PATH=')")
    assert run_ruby(function, [event()], variables=variables, command=AHEAD).results() == [True]


@pytest.mark.parametrize("command", STARTS.values(), ids=STARTS)
def test_text_is_utf_8_whatever_the_locale(run_ruby, command):
    function = handler("[Encoding.default_external, ENV['NAME'].length, File.read('ë').length]")
    variables = {"LANG": "en_US.UTF-8", "NAME": "Zoë"}
    outcome = run_ruby(
        {"app.rb": function, "ë": "ë"}, [event()], variables=variables, command=command
    )
    assert outcome.results() == [["UTF-8", 3, 1]]


@pytest.mark.parametrize("command", STARTS.values(), ids=STARTS)
def test_random_numbers_are_never_the_same(run_ruby, command):
    function = handler("rand(2**64)")
    first = run_ruby(function, [event()], command=command).results()
    assert first != run_ruby(function, [event()], command=command).results()


ENDS = {
    "by default": ("", 143, ""),
    "with what was to be done at the end": ("at_exit { puts 'goodbye' }\n", 143, "goodbye\n"),
    "as the function wants": ("trap('TERM') { puts 'goodbye'; exit 5 }\n", 5, "goodbye\n"),
}


@pytest.mark.parametrize(("ahead", "status", "text"), ENDS.values(), ids=ENDS)
def test_sigterm_between_invocations_ends_the_process(run_ruby, ahead, status, text):
    def events():
        yield event()
        os.kill(pid[0], signal.SIGTERM)
        yield b"HTTP/1.1 100 Continue\r\n\r\n"

    pid = []

    def remember(exchange):
        pid.append(exchange.json)
        return b"HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n"

    outcome = run_ruby(ahead + handler("Process.pid"), events(), answer=remember)
    assert (outcome.status, outcome.text) == (status, text)


def test_sigterm_in_an_invocation_ends_the_process_and_is_no_error_of_the_function(run_ruby):
    function = handler("Process.kill('TERM', $$)", "sleep")
    outcome = run_ruby(function, [event()])
    assert (outcome.status, outcome.text, outcome.posts) == (143, "", [])


@pytest.mark.root
def test_sigterm_ends_process_1_too(run_ruby):
    function = handler("Process.kill('TERM', 1) if Process.pid == 1", "sleep")
    command = ["unshare", "--pid", "--fork", *COMMAND]
    outcome = run_ruby(function, [event()], command=command)
    assert (outcome.status, outcome.posts) == (143, [])
