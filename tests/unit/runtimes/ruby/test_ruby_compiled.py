"""The runtime, compiled when it is installed: the same as the sources, only earlier."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from ruby_under_test import RUBY, RUNTIME
from scripted_api import event

from lambdad.launcher.interpreters import Interpreter
from lambdad.launcher.languages import ruby

SAY_WHAT_IS_LOADED = ["-e", "p LambdadRuntime::Compiled.load, $LOADED_FEATURES.uniq!"]
TELLING = """
require 'json/add/core'
def handler(event:, context:)
  raise ArgumentError, 'no' if event == 'raise'
  Logger.new($stdout).info('logged')
  [event, $LOADED_FEATURES, JSON.method(:generate).source_location]
end
"""


@pytest.fixture(scope="module")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A runtime as the launcher installs it, seen where it is."""
    if RUBY is None:
        pytest.skip("this machine has no Ruby")
    directory = tmp_path_factory.mktemp("installed") / "runtime"
    shutil.copytree(RUNTIME, directory)
    ruby.build(Interpreter("ruby", "", RUBY, "/usr"), directory, str(directory))
    return directory


def load(directory: Path, *options: str) -> list[str]:
    """Whether the instructions were loaded, and what was loaded twice."""
    command = [ruby.command(str(RUBY), "", 128)[0], "--disable=gems,rubyopt", "-EUTF-8", *options]
    command += ["-r", f"{directory}/compiled.rb", *SAY_WHAT_IS_LOADED]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env={})
    assert done.stderr == ""
    return done.stdout.split()


def rewrite(source: Path, target: Path, change: str) -> Path:
    """A copy of an installed runtime, after a `change` to its program, in Ruby."""
    shutil.copytree(source, target)
    code = (
        f"require '{target}/compiled'; file = LambdadRuntime::Compiled::FILE; "
        f"program = Marshal.load(File.binread(file)); {change}; "
        "File.binwrite(file, Marshal.dump(program))"
    )
    subprocess.run([str(RUBY), "-e", code], check=True)
    return target


def test_a_function_finds_what_it_finds_in_the_sources(compiled, run_ruby):
    files = {"app.rb": TELLING}
    outcome = run_ruby(files, [event("ë")], command=ruby.command(str(RUBY), str(compiled), 128))
    plain = run_ruby(files, [event("ë")])

    (seen,), (expected,) = outcome.results(), plain.results()
    assert sorted(seen[1]) == sorted(
        path.replace(str(RUNTIME), str(compiled)) for path in expected[1]
    )
    assert (seen[0], *seen[2:]) == (expected[0], *expected[2:])
    assert "INFO" in outcome.text


def test_it_can_be_started_anew_where_it_was_not_compiled_for(run_ruby, tmp_path):
    """As in sandboxes of the kind `process`."""
    installed = tmp_path / "installed"
    shutil.copytree(RUNTIME, installed)
    ruby.build(Interpreter("ruby", "", str(RUBY), "/usr"), installed)
    command = ruby.command(str(RUBY), str(installed), 128)
    function = "def handler(event:, context:)\n  defined?(Open3)\nend"
    outcome = run_ruby(function, [event()], variables={"RUBYOPT": "-ropen3"}, command=command)
    assert (installed / "runtime.bin").exists()
    assert outcome.results() == ["constant"]


def test_its_own_frames_stand_in_no_stack_trace(compiled, run_ruby):
    command = ruby.command(str(RUBY), str(compiled), 128)
    outcome = run_ruby(TELLING, [event("raise")], command=command)
    (frame,) = outcome.post.json["stackTrace"]
    assert frame.endswith("handler'")


def test_nothing_is_loaded_twice(compiled):
    assert load(compiled) == ["true", "nil"]


def test_what_was_loaded_before_it_keeps_the_instructions_away(compiled):
    assert load(compiled, "-rjson") == ["false", "nil"]


def test_other_libraries_keep_the_instructions_away(compiled, tmp_path):
    (tmp_path / "json.rb").touch()
    assert load(compiled, f"-I{tmp_path}") == ["false", "nil"]


CHANGES = {
    "another Ruby": "program.ruby = 'ruby 9.9'",
    "a library that has changed since": "program.features.find(&:changed).changed -= 1",
    "a library that is gone": "program.features.find(&:changed).path = '/absent'",
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_instructions_of_other_files_are_not_loaded(compiled, tmp_path, change):
    assert load(rewrite(compiled, tmp_path / "runtime", change)) == ["false", "nil"]


def test_without_instructions_there_are_the_sources():
    assert not (RUNTIME / "runtime.bin").exists()
    assert load(RUNTIME) == ["false", "nil"]


def test_what_ruby_cannot_compile_or_load_is_left_out(compiled, tmp_path):
    directory = tmp_path / "runtime"
    shutil.copytree(compiled, directory)
    (directory / "failure.rb").write_text("class Never < Nothing; end")
    ruby.build(Interpreter("ruby", "", str(RUBY), "/usr"), directory)
    assert not (directory / "runtime.bin").exists()
