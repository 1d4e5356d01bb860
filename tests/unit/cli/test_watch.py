"""`lambdad deploy --watch`, run as a shell runs it, with saves that come when it waits for them."""

from __future__ import annotations

import io
import json
import tempfile
import zipfile
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from stand_in import HANDLER, Run, RunningStandIn, StandIn

from lambdad.cli import deploy, requirements
from lambdad.cli.failure import CommandError, ExitCode
from lambdad.cli.watched_files import Change, WatchedFiles

Act = Callable[[], object]
Watching = Callable[..., Run]
Save = Callable[..., Act]


class ScriptedFiles(WatchedFiles):
    """Real files, which an act changes whenever they are waited for; Ctrl-C follows the last."""

    def __init__(self, path: Path, acts: list[Act]) -> None:
        super().__init__(path, sleep=lambda _: None)
        self._acts = acts

    def wait_for_change(self, timeout: float = float("inf")) -> Change | None:
        while self._acts:
            self._acts.pop(0)()
            change = super().wait_for_change(timeout=0)
            if change or timeout < float("inf"):
                return change
        raise KeyboardInterrupt


@pytest.fixture
def directory(make_directory: Callable[..., Path]) -> Path:
    """A function named hello."""
    return make_directory(app__py=HANDLER)


@pytest.fixture
def save(directory: Path) -> Save:
    """An act that saves a file of the function."""

    def save(name: str, text: str) -> Act:
        return lambda: (directory / name).write_text(text)

    return save


@pytest.fixture
def watch(run: Callable[..., Run], directory: Path, monkeypatch: pytest.MonkeyPatch) -> Watching:
    """Deploy the directory and watch it while `acts` are done."""

    def watch(*acts: Act, options: tuple[str, ...] = ()) -> Run:
        monkeypatch.setattr(deploy, "WatchedFiles", lambda path: ScriptedFiles(path, list(acts)))
        return run("deploy", directory, "--watch", *options)

    return watch


def file_in(package: bytes, name: str) -> str:
    with zipfile.ZipFile(io.BytesIO(package)) as archive:
        return archive.read(name).decode()


def documents(ended: Run) -> list[dict[str, object]]:
    return [json.loads(line) for line in ended.out.splitlines()]


def test_interrupting_it_is_the_way_to_end_it(watch: Watching, server: StandIn) -> None:
    ended = watch()
    assert ended.code == 0
    assert "Created hello." in ended.out
    assert "Ctrl-C ends it." in ended.err
    assert server.uploads == 1


def test_each_change_is_deployed_and_told_in_a_line(
    watch: Watching, server: StandIn, save: Save
) -> None:
    # When two files are saved, one after the other
    ended = watch(save("app.py", HANDLER + "# new\n"), save("words.txt", "hello"))
    # Then both are at the server, and each has a line that says how long it took
    assert file_in(server.packages["hello"], "app.py").endswith("# new\n")
    assert file_in(server.packages["hello"], "words.txt") == "hello"
    assert server.uploads == 3
    first, second = ended.out.splitlines()[-2:]
    assert "app.py: live after " in first
    assert "words.txt: live after " in second
    assert second.endswith(" ms")


def test_a_save_that_changes_no_byte_uploads_nothing(
    watch: Watching, server: StandIn, save: Save
) -> None:
    ended = watch(save("app.py", HANDLER))
    assert "app.py: the package is the same, nothing uploaded" in ended.out
    assert server.uploads == 1


def test_many_changed_files_are_counted(watch: Watching, server: StandIn, directory: Path) -> None:
    def check_out() -> None:
        for name in "abcde":
            (directory / f"{name}.py").touch()

    assert "a.py, b.py, c.py and 2 more: live after" in watch(check_out).out


def test_with_json_each_deployment_is_a_line(watch: Watching, server: StandIn, save: Save) -> None:
    # When a good change, a bad one and none at all are saved
    ended = watch(
        save("app.py", HANDLER + "# new\n"),
        save("app.py", "def handler("),
        save("app.py", HANDLER + "# new\n"),
        options=("--json",),
    )
    # Then each is a document, and nothing is said beside them
    first, second, third, fourth = documents(ended)
    assert first["Status"] == "created"
    assert (second["Status"], second["Changed"]) == ("updated", ["app.py"])
    assert isinstance(second["LiveMs"], int)
    assert third["Error"]["Code"] == "NoHandler"  # type: ignore[index]
    assert (fourth["Status"], "LiveMs" in fourth) == ("unchanged", False)
    assert ended.err == ""


def test_a_handler_that_is_half_written_is_told_and_the_next_save_deployed(
    watch: Watching, server: StandIn, save: Save
) -> None:
    # When a file is saved in the middle of a word, and then whole
    ended = watch(save("app.py", "def handler("), save("app.py", HANDLER + "# whole\n"))
    # Then the first is a line, the second is at the server
    assert "app.py: No handler was found. app.py has a syntax error." in ended.err
    assert file_in(server.packages["hello"], "app.py").endswith("# whole\n")


def test_a_second_handler_does_not_take_the_place_of_the_first(
    watch: Watching, server: StandIn, directory: Path, save: Save
) -> None:
    # Given a function whose handler is in main.py
    (directory / "app.py").rename(directory / "main.py")
    # When a file appears in which a handler would be looked for first
    watch(save("app.py", HANDLER))
    # Then the handler is the one that it was
    assert server.functions["hello"]["Handler"] == "main.handler"


def test_a_directory_that_is_gone_is_told_and_one_that_is_back_is_deployed(
    watch: Watching, server: StandIn, directory: Path, save: Save
) -> None:
    def remove() -> None:
        (directory / "app.py").unlink()

    ended = watch(remove, save("app.py", HANDLER + "# back\n"))
    assert "holds no files to deploy" in ended.err
    assert file_in(server.packages["hello"], "app.py").endswith("# back\n")


def test_an_update_that_is_in_progress_is_told_once_and_waited_for(
    watch: Watching, server: StandIn, save: Save
) -> None:
    # Given a server that is busy with another update when a file is saved
    text = "An update is in progress for resource hello."

    def save_while_busy() -> None:
        server.refusal = (409, "ResourceConflictException", text)
        save("app.py", HANDLER + "# new\n")()

    def wait() -> None:
        """Nothing happens between two attempts."""

    def become_free() -> None:
        server.refusal = None

    # When it is free again after some attempts
    ended = watch(save_while_busy, wait, wait, become_free)
    # Then the failure was told once, and the change is deployed without another save
    assert ended.err.count(text) == 1
    assert "app.py: live after" in ended.out
    assert file_in(server.packages["hello"], "app.py").endswith("# new\n")


def test_what_is_saved_between_two_attempts_is_deployed_with_the_rest(
    watch: Watching, server: StandIn, save: Save
) -> None:
    def save_while_busy() -> None:
        server.refusal = (409, "ResourceConflictException", "An update is in progress.")
        save("app.py", HANDLER + "# new\n")()

    def save_when_free() -> None:
        server.refusal = None
        save("b.py", "")()

    assert "app.py, b.py: live after" in watch(save_while_busy, save_when_free).out


@pytest.mark.slow
def test_a_server_that_comes_back_is_used_again(
    watch: Watching, save: Save, monkeypatch: pytest.MonkeyPatch
) -> None:
    with ExitStack() as first, ExitStack() as second:
        # Given a server that is gone when a file is saved
        url = first.enter_context(RunningStandIn()).url
        monkeypatch.setenv("AWS_ENDPOINT_URL", url)
        returned: list[StandIn] = []

        def save_without_server() -> None:
            first.close()
            save("app.py", HANDLER + "# new\n")()

        def come_back() -> None:
            port = urlsplit(url).port or 0
            returned.append(second.enter_context(RunningStandIn(port)))

        # When a server is there again, with no memory of the function
        ended = watch(save_without_server, come_back)
        # Then it was told that none was there, and the function is made once more
        assert f"app.py: No server answers at {url}." in ended.err
        assert "app.py: live after" in ended.out
        assert file_in(returned[0].packages["hello"], "app.py").endswith("# new\n")


def test_a_first_deployment_that_fails_ends_the_command(
    watch: Watching, server: StandIn, directory: Path
) -> None:
    (directory / "app.py").write_text("x = 1\n")
    assert watch().code == 2


class TestRequirements:
    @pytest.fixture(autouse=True)
    def installed(self, monkeypatch: pytest.MonkeyPatch) -> list[str]:
        """What was asked to be installed; instead of pip, a file with that text is written."""
        texts: list[str] = []

        def install(file: Path, target: Path, version: str) -> None:
            texts.append(file.read_text())
            if "!" in texts[-1]:
                raise CommandError("pip said:\n  Invalid requirement", ExitCode.USAGE)
            (target / "installed.txt").write_text(texts[-1])

        monkeypatch.setattr(requirements, "install", install)
        return texts

    def test_they_are_installed_again_only_when_they_changed(
        self, watch: Watching, server: StandIn, save: Save, installed: list[str]
    ) -> None:
        # Given a function with requirements
        save("requirements.txt", "one")()
        # When its code is saved, then its requirements
        watch(save("app.py", HANDLER + "# new\n"), save("requirements.txt", "two"))
        # Then they were installed at the start and when they were saved
        assert installed == ["one", "two"]
        assert file_in(server.packages["hello"], "installed.txt") == "two"

    def test_one_that_is_refused_is_told_in_a_line_and_mended_by_the_next_save(
        self, watch: Watching, server: StandIn, save: Save
    ) -> None:
        # Given a function without requirements, which gets bad ones and then good ones
        ended = watch(save("requirements.txt", "bad!"), save("requirements.txt", "good"))
        # Then what pip said is in one line, and the good ones are installed
        assert "requirements.txt: pip said: Invalid requirement" in ended.err
        assert file_in(server.packages["hello"], "installed.txt") == "good"

    def test_nothing_of_them_is_left_behind(
        self, watch: Watching, server: StandIn, save: Save, tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:  # fmt: skip
        place = tmp_path / "place"
        place.mkdir()
        monkeypatch.setattr(tempfile, "tempdir", str(place))
        save("requirements.txt", "one")()
        watch(save("requirements.txt", "two"))
        assert list(place.iterdir()) == []
