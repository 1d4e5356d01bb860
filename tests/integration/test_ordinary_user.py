"""What someone without root sees of lambdad, beside what every user does."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap

import pytest

from support import ordinary_user

pytestmark = [pytest.mark.root, pytest.mark.slow]  # root, to become that user

USE_A_SERVER = textwrap.dedent(
    """
    import json
    from lambdad.testing.server import LocalServer

    with LocalServer() as server:
        owner = (server.data_dir / "node").stat().st_uid
    print(json.dumps({"directory": str(server.data_dir), "owner": owner}))
    """
)


def test_nothing_is_left_of_a_temporary_data_directory() -> None:
    with ordinary_user.home() as home:
        # When an ordinary user has run a server with a directory of its own making
        used = subprocess.run(
            [*ordinary_user.becoming(home), sys.executable, "-c", USE_A_SERVER],
            env={**os.environ, "TMPDIR": str(home)},
            capture_output=True,
            text=True,
            check=False,
        )
        # Then it is gone, though it was another user id's
        assert used.returncode == 0, used.stderr
        found = json.loads(used.stdout)
        assert found["owner"] in ordinary_user.SUBORDINATE_IDS
        assert found["directory"].startswith(str(home))
        assert not os.path.exists(found["directory"])
