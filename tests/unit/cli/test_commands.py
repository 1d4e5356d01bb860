"""The commands, run as a shell runs them, against a server that speaks HTTP."""

from __future__ import annotations

import io
import json
import os
import socket
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from stand_in import HANDLER, Run, StandIn

from lambdad.cli import logs
from lambdad.config import Config

Lambdad = Callable[..., Run]
MakeDirectory = Callable[..., Path]


def test_version_is_shown(run: Lambdad) -> None:
    ended = run("--version")
    assert (ended.code, ended.out.split()[0]) == (0, "lambdad")


def test_unknown_command_is_a_usage_error(run: Lambdad) -> None:
    assert run("depoly").code == 2


class TestServe:
    def test_config_reaches_the_launcher_through_a_descriptor(
        self, run: Lambdad, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        executed: list[list[str]] = []
        monkeypatch.setattr(os, "execv", lambda _, arguments: executed.append(arguments))
        run("serve", "--port", "0", "--no-cgroup-favordynmods")
        with os.fdopen(int(executed[0][-1])) as file:
            config = Config.from_json(file.read())
        assert executed[0][1:4] == ["-P", "-m", "lambdad.launcher.main"]
        assert (config.port, config.cgroup_favordynmods) == (0, False)

    def test_a_bad_setting_ends_the_start_with_its_name(self, run: Lambdad) -> None:
        ended = run("serve", "--host", "0.0.0.0")
        assert ended.code == 2
        assert "Setting host cannot be '0.0.0.0': authentication is not available" in ended.err


class TestDeploy:
    def test_a_directory_becomes_a_function(
        self, run: Lambdad, server: StandIn, make_directory: MakeDirectory
    ) -> None:
        ended = run("deploy", make_directory(app__py=HANDLER), "--memory", "256", "--env", "A=b=c")
        assert (ended.code, ended.err) == (0, "")
        assert "Created hello." in ended.out
        function = server.functions["hello"]
        assert function["Handler"] == "app.handler"
        assert function["Runtime"] == "python3.11"
        assert function["MemorySize"] == 256
        assert function["Environment"] == {"Variables": {"A": "b=c"}}
        assert function["Role"] == "arn:aws:iam::000000000000:role/lambdad"
        with zipfile.ZipFile(io.BytesIO(server.packages["hello"])) as archive:
            assert archive.namelist() == ["app.py"]

    def test_the_same_files_again_change_nothing(
        self, run: Lambdad, server: StandIn, make_directory: MakeDirectory
    ) -> None:
        directory = make_directory(app__py=HANDLER)
        run("deploy", directory, "--memory", "256")
        assert run("deploy", directory, "--json").json["Status"] == "unchanged"
        assert server.functions["hello"]["MemorySize"] == 256

    def test_changed_code_and_settings_are_updated(
        self, run: Lambdad, server: StandIn, make_directory: MakeDirectory
    ) -> None:
        run("deploy", make_directory(app__py=HANDLER))
        directory = make_directory(app__py=HANDLER + "# changed\n")
        ended = run("deploy", directory, "--timeout", "9", "--json")
        assert ended.json["Status"] == "updated"
        assert ended.json["Timeout"] == server.functions["hello"]["Timeout"] == 9

    def test_a_moved_handler_is_found_again(
        self, run: Lambdad, server: StandIn, make_directory: MakeDirectory
    ) -> None:
        directory = make_directory(app__py=HANDLER)
        run("deploy", directory)
        (directory / "app.py").rename(directory / "main.py")
        run("deploy", directory)
        assert server.functions["hello"]["Handler"] == "main.handler"

    def test_a_single_file_becomes_a_function(
        self, run: Lambdad, server: StandIn, make_directory: MakeDirectory
    ) -> None:
        assert run("deploy", make_directory(resize__py=HANDLER) / "resize.py").code == 0
        assert server.functions["resize"]["Handler"] == "resize.handler"

    def test_a_zip_is_taken_as_it_is(self, run: Lambdad, server: StandIn, tmp_path: Path) -> None:
        with zipfile.ZipFile(tmp_path / "made.zip", "w") as archive:
            archive.writestr("index.py", HANDLER)
        assert run("deploy", tmp_path / "made.zip", "--name", "other").code == 0
        assert server.functions["other"]["Handler"] == "index.handler"
        assert server.packages["other"] == (tmp_path / "made.zip").read_bytes()

    @pytest.mark.parametrize("is_zip", [False, True])
    def test_a_package_with_a_bootstrap_brings_its_runtime(
        self, run: Lambdad, server: StandIn, tmp_path: Path, is_zip: bool
    ) -> None:
        directory = tmp_path / "mine"
        directory.mkdir()
        (directory / "bootstrap").write_text("#!/bin/sh\n")
        if is_zip:
            with zipfile.ZipFile(tmp_path / "mine.zip", "w") as archive:
                archive.write(directory / "bootstrap", "bootstrap")
        assert run("deploy", tmp_path / ("mine.zip" if is_zip else "mine")).code == 0
        function = server.functions["mine"]
        assert (function["Runtime"], function["Handler"]) == ("provided.al2023", "bootstrap")

    def test_a_package_of_node_is_seen_to_be_one(
        self, run: Lambdad, server: StandIn, tmp_path: Path
    ) -> None:
        server.health = {"runtimes": ["python3.12", "nodejs20.x", "nodejs8.10", "nodejs22.x"]}
        (tmp_path / "web").mkdir()
        (tmp_path / "web/index.mjs").write_text("export const handler = async () => 1;\n")
        assert run("deploy", tmp_path / "web").code == 0
        function = server.functions["web"]
        assert (function["Runtime"], function["Handler"]) == ("nodejs22.x", "index.handler")

    def test_the_newest_python_of_the_server_is_the_default(
        self, run: Lambdad, server: StandIn, make_directory: MakeDirectory
    ) -> None:
        server.health = {"runtimes": ["python3.9", "python3.12", "python3.10", "nodejs22.x"]}
        run("deploy", make_directory(app__py=HANDLER))
        assert server.functions["hello"]["Runtime"] == "python3.12"

    def test_an_empty_directory_is_refused(self, run: Lambdad, tmp_path: Path) -> None:
        ended = run("deploy", tmp_path, "--json")
        assert ended.code == 2
        assert "holds no files to deploy" in ended.json["Error"]["Message"]

    def test_a_directory_without_a_handler_is_refused(
        self, run: Lambdad, server: StandIn, make_directory: MakeDirectory
    ) -> None:
        ended = run("deploy", make_directory(app__py="x = 1\n"))
        assert ended.code == 2
        assert "--handler" in ended.err
        assert server.functions == {}

    def test_a_file_of_another_kind_is_refused(
        self, run: Lambdad, make_directory: MakeDirectory
    ) -> None:
        ended = run("deploy", make_directory(notes__txt="hello") / "notes.txt")
        assert ended.code == 2
        assert "not a directory, a .py file, a zip or a jar" in ended.err

    def test_a_function_that_does_not_become_active_says_why(
        self, run: Lambdad, server: StandIn, make_directory: MakeDirectory
    ) -> None:
        server.final_state = "Failed"
        ended = run("deploy", make_directory(app__py=HANDLER))
        assert ended.code == 3
        assert "Its runtime is not on this machine." in ended.err

    @pytest.mark.slow
    def test_requirements_that_pip_refuses_end_with_its_words(
        self, run: Lambdad, server: StandIn, make_directory: MakeDirectory
    ) -> None:
        directory = make_directory(app__py=HANDLER, requirements__txt="not a requirement!\n")
        ended = run("deploy", directory)
        assert ended.code == 2
        assert "pip said" in ended.err
        assert "Invalid requirement" in ended.err

    @pytest.mark.slow
    def test_requirements_are_installed_into_the_package(
        self, run: Lambdad, server: StandIn, make_directory: MakeDirectory, tmp_path: Path
    ) -> None:
        # Given a wheel on this machine, so that the test needs no network
        wheel = make_wheel(tmp_path)
        directory = make_directory(app__py=HANDLER, requirements__txt=f"{wheel}\n")
        # When the directory is deployed, twice
        assert run("deploy", directory).code == 0
        again = run("deploy", directory, "--json")
        # Then the package holds the wheel's files, and the same bytes both times
        with zipfile.ZipFile(io.BytesIO(server.packages["hello"])) as archive:
            assert {"app.py", "greeting.py"} <= set(archive.namelist())
        assert again.json["Status"] == "unchanged"


class TestDeployWithUrl:
    def test_a_url_is_made_open_and_printed(
        self, run: Lambdad, server: StandIn, make_directory: MakeDirectory
    ) -> None:
        ended = run("deploy", make_directory(app__py=HANDLER), "--url")
        assert ended.code == 0
        assert ended.out.endswith("\n  http://hello.lambda-url.localhost/\n")
        assert server.urls["hello"]["AuthType"] == "NONE"
        assert server.urls["hello"]["InvokeMode"] == "BUFFERED"
        assert list(server.permissions.values()) == [
            {
                "Action": "lambda:InvokeFunctionUrl",
                "Principal": "*",
                "FunctionUrlAuthType": "NONE",
            },
            {"Action": "lambda:InvokeFunction", "Principal": "*", "InvokedViaFunctionUrl": True},
        ]

    def test_json_tells_it_with_the_configuration(
        self, run: Lambdad, server: StandIn, make_directory: MakeDirectory
    ) -> None:
        ended = run("deploy", make_directory(app__py=HANDLER), "--url", "--json")
        assert ended.json["FunctionUrl"] == "http://hello.lambda-url.localhost/"
        assert ended.json["FunctionName"] == "hello"

    def test_without_the_option_there_is_none(
        self, run: Lambdad, server: StandIn, make_directory: MakeDirectory
    ) -> None:
        assert "FunctionUrl" not in run("deploy", make_directory(app__py=HANDLER), "--json").json
        assert server.urls == server.permissions == {}

    def test_a_url_that_is_there_stays_as_closed_as_it_is(
        self, run: Lambdad, server: StandIn, make_directory: MakeDirectory
    ) -> None:
        # Given a URL that somebody has closed
        directory = make_directory(app__py=HANDLER)
        run("deploy", directory, "--url", "--stream")
        server.urls["hello"]["AuthType"] = "AWS_IAM"
        server.permissions.clear()
        # When, Then
        assert run("deploy", directory, "--url").code == 0
        assert server.urls["hello"]["AuthType"] == "AWS_IAM"
        assert server.urls["hello"]["InvokeMode"] == "RESPONSE_STREAM"
        assert server.permissions == {}

    def test_a_permission_that_is_there_is_no_hindrance(
        self, run: Lambdad, server: StandIn, make_directory: MakeDirectory
    ) -> None:
        directory = make_directory(app__py=HANDLER)
        run("deploy", directory, "--url")
        server.urls.clear()
        assert run("deploy", directory, "--url").code == 0
        assert "hello" in server.urls

    def test_how_it_answers_can_be_changed(
        self, run: Lambdad, server: StandIn, make_directory: MakeDirectory
    ) -> None:
        directory = make_directory(app__py=HANDLER)
        for option, mode in (("--stream", "RESPONSE_STREAM"), ("--no-stream", "BUFFERED")):
            assert run("deploy", directory, "--url", option).code == 0
            assert server.urls["hello"]["InvokeMode"] == mode

    def test_how_it_answers_is_about_a_url(
        self, run: Lambdad, server: StandIn, make_directory: MakeDirectory
    ) -> None:
        ended = run("deploy", make_directory(app__py=HANDLER), "--stream")
        assert ended.code == 2
        assert "add --url" in ended.err
        assert server.functions == {}


def make_wheel(directory: Path) -> Path:
    """A wheel with one module, `greeting`."""
    path = directory / "greeting-1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as wheel:
        wheel.writestr("greeting.py", "WORD = 'hello'\n")
        about = "greeting-1.0.dist-info"
        wheel.writestr(f"{about}/METADATA", "Metadata-Version: 2.1\nName: greeting\nVersion: 1.0\n")
        wheel.writestr(
            f"{about}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        wheel.writestr(f"{about}/RECORD", "")
    return path


@pytest.fixture
def function(run: Lambdad, server: StandIn, make_directory: MakeDirectory) -> str:
    """A deployed function named hello."""
    assert run("deploy", make_directory(app__py=HANDLER)).code == 0
    return "hello"


class TestInvoke:
    def test_result_goes_to_standard_output_and_the_rest_beside_it(
        self, run: Lambdad, server: StandIn, function: str
    ) -> None:
        ended = run("invoke", function, '{"a": 1}')
        assert ended.code == 0
        assert ended.json == {"answer": 42}
        assert server.invoked_with == [b'{"a": 1}']
        assert "hello from the function" in ended.err
        assert "cold start · init 6.25 ms · ran 1.5 ms · billed 8 ms · used 12 of 128 MB" in (
            ended.err
        )

    def test_a_warm_call_is_called_warm(self, run: Lambdad, server: StandIn, function: str) -> None:
        server.log = "REPORT RequestId: r\tDuration: 0.50 ms\tBilled Duration: 1 ms\t\n"
        assert "warm · ran 0.5 ms · billed 1 ms" in run("invoke", function).err

    def test_payload_comes_from_a_file_or_from_standard_input(
        self, run: Lambdad, server: StandIn, function: str, tmp_path: Path
    ) -> None:
        (tmp_path / "event.json").write_text("[1]")
        run("invoke", function, "--file", tmp_path / "event.json")
        run("invoke", function, "-", stdin="[2]")
        assert server.invoked_with == [b"[1]", b"[2]"]

    def test_a_function_error_is_exit_code_1(
        self, run: Lambdad, server: StandIn, function: str
    ) -> None:
        server.function_error, server.payload = "Unhandled", b'{"errorType": "KeyError"}'
        ended = run("invoke", function)
        assert ended.code == 1
        assert ended.json == {"errorType": "KeyError"}
        assert "The function failed (Unhandled)." in ended.err

    def test_json_is_one_document_with_everything(
        self, run: Lambdad, server: StandIn, function: str
    ) -> None:
        ended = run("invoke", function, "--json")
        assert ended.err == ""
        assert ended.json["Payload"] == {"answer": 42}
        assert ended.json["Report"]["ColdStart"] is True
        assert ended.json["Report"]["InitDurationMs"] == 6.25

    def test_a_result_that_is_not_json_is_shown_as_text(
        self, run: Lambdad, server: StandIn, function: str
    ) -> None:
        server.payload = b"plain"
        assert run("invoke", function).out == '"plain"\n'

    def test_a_payload_that_is_not_json_is_a_usage_error(
        self, run: Lambdad, server: StandIn, function: str
    ) -> None:
        ended = run("invoke", function, "hello")
        assert ended.code == 2
        assert "not JSON" in ended.err
        assert server.invoked_with == []

    def test_control_characters_of_a_function_do_not_reach_the_terminal(
        self, run: Lambdad, server: StandIn, function: str
    ) -> None:
        server.log = "\x1b[2Jcleared\n"
        assert "\x1b" not in run("invoke", function).err

    def test_an_unknown_function_brings_the_near_names(
        self, run: Lambdad, server: StandIn, function: str
    ) -> None:
        ended = run("invoke", "helo", "--json")
        assert ended.code == 3
        assert ended.json["Error"] == {
            "Code": "ResourceNotFoundException",
            "Message": "There is no function named helo. Did you mean hello?",
        }

    def test_an_error_of_the_server_is_told_in_its_words(
        self, run: Lambdad, server: StandIn, function: str
    ) -> None:
        server.refusal = (413, "RequestTooLargeException", "Request must be smaller.")
        ended = run("invoke", function)
        assert ended.code == 3
        expected = "The server refused: Request must be smaller. (RequestTooLargeException)"
        assert expected in ended.err


class TestLs:
    def test_functions_are_listed_with_their_state(
        self, run: Lambdad, server: StandIn, function: str
    ) -> None:
        ended = run("ls")
        heading, row = ended.out.splitlines()
        assert heading.split() == [
            *("NAME", "RUNTIME", "HANDLER", "MEMORY", "TIMEOUT", "STATE", "SIZE", "MODIFIED")
        ]
        for word in ("hello", "python3.11", "app.handler", "128 MB", "3 s", "Active"):
            assert word in row

    def test_json_lists_configurations(self, run: Lambdad, server: StandIn, function: str) -> None:
        functions = run("ls", "--json").json["Functions"]
        assert [(each["FunctionName"], each["State"]) for each in functions] == [
            ("hello", "Active")
        ]

    def test_no_functions_yet_is_said_beside_the_result(
        self, run: Lambdad, server: StandIn
    ) -> None:
        ended = run("ls")
        assert (ended.code, ended.out) == (0, "")
        assert "lambdad deploy" in ended.err

    def test_no_server_is_exit_code_4(self, run: Lambdad) -> None:
        with socket.create_server(("127.0.0.1", 0)) as unused:
            url = f"http://127.0.0.1:{unused.getsockname()[1]}"
        ended = run("ls", "--endpoint-url", url)
        assert ended.code == 4
        assert f"No server answers at {url}. Start one with: lambdad serve" in ended.err

    def test_a_url_that_is_none_is_a_usage_error(self, run: Lambdad) -> None:
        ended = run("ls", "--endpoint-url", "here")
        assert ended.code == 2
        assert "'here' is not the URL of a server" in ended.err


def make_event(number: int, message: str, *, age: float = 0) -> dict[str, Any]:
    """A log event, `age` seconds old."""
    timestamp = int((time.time() - age) * 1000)
    return {"eventId": str(number), "timestamp": timestamp, "message": message}


def wait_until_another_comes(
    monkeypatch: pytest.MonkeyPatch, server: StandIn, event: dict[str, Any]
) -> None:
    """Whoever follows a log waits in vain: this one comes meanwhile, and then Ctrl-C."""

    def wait(_: float) -> None:
        if event in server.events:
            raise KeyboardInterrupt
        server.events.append(event)

    monkeypatch.setattr(logs.time, "sleep", wait)


class TestLogs:
    def test_lines_of_the_last_ten_minutes_are_shown(
        self, run: Lambdad, server: StandIn, function: str
    ) -> None:
        server.events = [make_event(1, "old\n", age=3600), make_event(2, "new\n")]
        ended = run("logs", function)
        assert ended.out.endswith("new\n")
        assert "old" not in ended.out
        assert "old" in run("logs", function, "--since", "2h").out

    def test_lines_are_filtered_by_the_server(
        self, run: Lambdad, server: StandIn, function: str
    ) -> None:
        server.events = [make_event(1, "an ERROR\n"), make_event(2, "fine\n")]
        events = run("logs", function, "--filter", "ERROR", "--json").json["events"]
        assert [event["message"] for event in events] == ["an ERROR\n"]

    def test_following_shows_each_line_once(
        self, run: Lambdad, server: StandIn, function: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        # Given a line, and another that comes while we wait
        server.events = [make_event(1, "first")]
        wait_until_another_comes(monkeypatch, server, make_event(2, "second"))
        # When the log is followed until Ctrl-C
        ended = run("logs", function, "-f", "--json")
        # Then both have been shown, once
        lines = [json.loads(line)["message"] for line in ended.out.splitlines()]
        assert lines == ["first", "second"]
        assert ended.code == 130

    @pytest.mark.parametrize("file", ["/nowhere/lines", "/nowhere/lines.gz", "/dev/full"])
    def test_a_file_that_cannot_be_written_is_said_so(
        self, run: Lambdad, server: StandIn, function: str, file: str
    ) -> None:
        server.events = [make_event(1, "a line")]
        ended = run("logs", function, "--export", file)
        assert ended.code == 2
        assert f"{file} cannot be written: No s" in ended.err

    @pytest.mark.parametrize("options", [[], ["--json"], ["-f"]])
    def test_a_reader_that_goes_makes_no_failure(
        self, server: StandIn, function: str, options: list[str]
    ) -> None:
        # Given more lines than fit in a pipe, of which somebody reads the first
        server.events = [make_event(number, "x" * 1000) for number in range(1000)]
        program = [sys.executable, "-m", "lambdad.cli.main", "logs", function, *options]
        # When
        with subprocess.Popen(
            program, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        ) as process:
            assert process.stdout is not None
            assert process.stderr is not None
            process.stdout.readline()
            process.stdout.close()
            code, said = process.wait(timeout=30), process.stderr.read()
        # Then
        assert (code, said) == (0, b"")

    def test_following_is_not_led_astray_by_a_line_that_is_dated_ahead(
        self, run: Lambdad, server: StandIn, function: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        # Given a line of the next hour, and another that comes now
        server.events = [make_event(1, "ahead", age=-3600)]
        wait_until_another_comes(monkeypatch, server, make_event(2, "now"))
        # When
        ended = run("logs", function, "-f", "--json")
        # Then
        lines = [json.loads(line)["message"] for line in ended.out.splitlines()]
        assert lines == ["ahead", "now"]

    def test_an_age_that_is_none_is_a_usage_error(self, run: Lambdad) -> None:
        assert "10m, 2h or 1d" in run("logs", "hello", "--since", "yesterday").err

    def test_silence_is_said_beside_the_result(
        self, run: Lambdad, server: StandIn, function: str
    ) -> None:
        ended = run("logs", function)
        assert (ended.code, ended.out) == (0, "")
        assert "--since 1d" in ended.err


class TestRm:
    def test_a_function_is_deleted(self, run: Lambdad, server: StandIn, function: str) -> None:
        assert run("rm", function, "--yes").out == "Deleted hello.\n"
        assert server.functions == {}

    def test_nothing_is_deleted_when_nobody_can_be_asked(
        self, run: Lambdad, server: StandIn, function: str
    ) -> None:
        ended = run("rm", function)
        assert ended.code == 2
        assert "--yes" in ended.err
        assert list(server.functions) == ["hello"]

    def test_an_unknown_function_is_said_so(self, run: Lambdad, server: StandIn) -> None:
        ended = run("rm", "ghost", "--yes")
        assert ended.code == 3
        assert "There is no function named ghost." in ended.err


class TestCompletion:
    @pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
    def test_a_script_is_printed_for_each_shell(self, run: Lambdad, shell: str) -> None:
        ended = run("completion", shell)
        assert ended.code == 0
        assert "_LAMBDAD_COMPLETE" in ended.out

    def test_function_names_are_completed(
        self, run: Lambdad, server: StandIn, function: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("_LAMBDAD_COMPLETE", "bash_complete")
        monkeypatch.setenv("COMP_WORDS", "lambdad invoke he")
        monkeypatch.setenv("COMP_CWORD", "2")
        assert run().out == "plain,hello\n"
