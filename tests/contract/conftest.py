"""The bench, one for each kind of sandbox that there is."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parent))

import user_namespace_run  # first of all, as it may change who we are
from sandbox_bench import OWNER, Bench, NotHere
from sandbox_kinds import EVERY_KIND


@pytest.fixture(scope="session")
def directory() -> Iterator[Path]:
    """A directory that a `process` sandbox, which has a user id of its own, can pass through;
    pytest's own are private."""
    with tempfile.TemporaryDirectory(prefix="lambdad-") as name:
        top = Path(name)
        top.chmod(0o755)
        code = top / "code/echo"
        code.mkdir(parents=True)
        shutil.copy(Path(__file__).parent / "function.py", code / "app.py")
        shutil.copy(Path(__file__).parent / "function.mjs", code / "app.mjs")
        shutil.copy(Path(__file__).parent / "function.rb", code / "app.rb")
        layers = top / "code/layers"
        layers.mkdir()
        (layers / "shared.txt").write_text("from a layer")
        live = top / "live/code"
        live.mkdir(parents=True)
        shutil.copy(Path(__file__).parent / "function.py", live / "app.py")
        (top / "live/out").symlink_to(top / "code")
        (top / "shared").mkdir()
        if user_namespace_run.IN_USER_NAMESPACE:
            (top / "shared").chmod(0o777)  # functions are strangers there
        elif os.geteuid() == 0:
            (top / "shared").chmod(0o700)
            os.chown(top / "shared", OWNER, OWNER)
        yield top


@pytest.fixture(params=EVERY_KIND)
def bench(request: pytest.FixtureRequest, directory: Path) -> Iterator[Bench]:
    make, pool_mb = request.param
    try:
        bench = Bench.make(make, directory, pool_mb)
    except NotHere as error:
        pytest.skip(str(error))
    bench.prepare()
    yield bench
    bench.close()
