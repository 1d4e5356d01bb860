"""A stand-in server, and a way to run the command line against it."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import botocore.session
import pytest

from lambdad.cli.main import main

sys.path.insert(0, str(Path(__file__).parent))

from stand_in import Run, RunningStandIn, StandIn


@pytest.fixture(scope="session")
def running_stand_in() -> Iterator[StandIn]:
    with RunningStandIn() as stand_in:
        yield stand_in


@pytest.fixture(scope="session")
def botocore_session() -> botocore.session.Session:
    """One for all tests: reading the service models again for each command takes most of a test."""
    return botocore.session.Session()


@pytest.fixture(autouse=True)
def shared_botocore_session(
    botocore_session: botocore.session.Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(botocore.session, "Session", lambda: botocore_session)


@pytest.fixture
def server(running_stand_in: StandIn, monkeypatch: pytest.MonkeyPatch) -> StandIn:
    """A server without functions, at AWS_ENDPOINT_URL."""
    fresh = StandIn(url=running_stand_in.url)
    running_stand_in.__dict__.update(fresh.__dict__)
    monkeypatch.setenv("AWS_ENDPOINT_URL", running_stand_in.url)
    return running_stand_in


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Callable[..., Run]:
    """Run `lambdad` with arguments, as a shell would."""

    def run(*arguments: str | Path, stdin: str = "") -> Run:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin.encode())))
        capsys.readouterr()
        with pytest.raises(SystemExit) as end:
            main([str(argument) for argument in arguments])
        out, err = capsys.readouterr()
        return Run(int(end.value.code or 0), out, err)

    return run


@pytest.fixture
def make_directory(tmp_path: Path) -> Callable[..., Path]:
    """A directory `hello` that holds the given files."""

    def make(**files: str) -> Path:
        directory = tmp_path / "hello"
        directory.mkdir(exist_ok=True)
        for name, text in files.items():
            (directory / name.replace("__", ".")).write_text(text)
        return directory

    return make
