"""Programs that are started ahead of their function: nothing of that shows."""

from __future__ import annotations

import subprocess

import pytest
from node_under_test import AHEAD, BEFORE, COMMAND, NODE, STARTS
from scripted_api import event

YOUNG_MB = 192  # of a heap, at most, whatever the size of the rest


@pytest.mark.skipif(NODE is None, reason="this machine has no node")
def test_a_program_that_nobody_needs_ends_quietly():
    answer = subprocess.run(
        COMMAND, env=BEFORE, stdin=subprocess.DEVNULL, capture_output=True, check=True
    )
    assert (answer.stdout, answer.stderr) == (b"", b"")


def test_the_environment_is_exactly_what_the_program_is_told(run_node):
    function = """const { execFileSync } = require('node:child_process')
    exports.handler = async () => [process.env, `${execFileSync('/usr/bin/env')}`.split('\\n')]"""
    given = {"NAME": "Zoë", "NODE_ENV": "production"}
    outcome = run_node(
        function, [event(Lambda_Runtime_Trace_Id=None)], variables=given, command=AHEAD
    )

    seen, of_child = outcome.results()[0]
    assert {name: seen[name] for name in given} == given
    assert {"_LAMBDAD_WAITS", "NOBODY"}.isdisjoint(seen)
    assert sorted(of_child[:-1]) == sorted(f"{name}={value}" for name, value in seen.items())


def test_after_waiting_everything_is_as_at_once(run_node):
    files = {
        "app.mjs": """
        import help from './helper.cjs';
        console.log('loaded');
        export const handler = async (event) => [
          event, help, process.cwd() === process.env.LAMBDA_TASK_ROOT,
          new Date(2026, 0).getTimezoneOffset(), process.argv, process.execArgv,
        ]""",
        "helper.cjs": "module.exports = 1",
    }
    zone = {"TZ": "Etc/GMT-2"}
    at_once = run_node(files, [event("ë")], variables=zone)
    later = run_node(files, [event("ë")], variables=zone, command=AHEAD)

    assert later.results() == at_once.results()
    assert later.results()[0][:4] == ["ë", 1, True, -120]
    assert [line.split("\t")[1:] for line in later.text.splitlines()] == [
        ["undefined", "INFO", "loaded"]
    ]


@pytest.mark.parametrize("command", STARTS.values(), ids=STARTS)
def test_a_module_that_awaits_what_never_comes_ends_the_process(run_node, command):
    files = {"app.mjs": "await new Promise(() => {}); export const handler = async () => 1"}
    outcome = run_node(files, [event()], command=command)
    assert (outcome.status, outcome.posts) == (13, [])


@pytest.mark.parametrize("command", STARTS.values(), ids=STARTS)
def test_the_heap_has_nine_tenths_of_the_memory(run_node, command):
    function = """const { getHeapStatistics } = require('node:v8')
    exports.handler = async () => getHeapStatistics().heap_size_limit / 2 ** 20"""
    (limit,) = run_node(function, [event()], command=command).results()
    assert 115 <= limit <= 115 + YOUNG_MB


@pytest.mark.parametrize("command", STARTS.values(), ids=STARTS)
def test_the_heap_of_a_thread_has_as_much(run_node, command):
    function = """const { Worker } = require('node:worker_threads')
    const code = `const { heap_size_limit } = require('node:v8').getHeapStatistics()
      require('node:worker_threads').parentPort.postMessage(heap_size_limit / 2 ** 20)`
    exports.handler = () => new Promise((resolve) => {
      new Worker(code, { eval: true }).once('message', resolve)
    })"""
    (limit,) = run_node(function, [event()], command=command).results()
    assert 115 <= limit <= 115 + YOUNG_MB
