"""What must be there before a node is started: the directory, the port, the privilege."""

from __future__ import annotations

import os
import socket
from dataclasses import replace
from pathlib import Path

import pytest

from lambdad.config import Config
from lambdad.errors import SettingsError
from lambdad.launcher import main, user_namespace


def test_a_data_directory_belongs_to_one_server(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(main, "_LOCK_WAIT_SECONDS", 0.0)
    lock = main.lock_data_directory(tmp_path / "data")
    with pytest.raises(SettingsError, match="another server is using"):
        main.lock_data_directory(tmp_path / "data")
    os.close(lock)
    os.close(main.lock_data_directory(tmp_path / "data"))


def test_a_directory_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(SettingsError, match=r"data_dir: .*file.* cannot be written"):
        main.lock_data_directory(tmp_path / "file")


def test_the_front_door_is_a_socket_that_no_program_inherits() -> None:
    with main.listen("127.0.0.1", 0) as listener:
        assert not listener.get_inheritable()
        with socket.create_connection(listener.getsockname()):
            pass


def test_a_port_in_use_is_named() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(SettingsError, match=f"port: cannot listen on 127.0.0.1:{port}: anoth"):
            main.listen("127.0.0.1", port)


def test_root_has_a_slot_and_user_ids(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(main, "_RUN_DIRECTORY", tmp_path)
    standing = main._find_standing(Config.load({}, {"HOME": "/tmp"}))
    assert standing.slot is not None
    assert not standing.is_rootless


def test_without_isolation_a_user_needs_nothing_special(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    config = replace(Config.load({}, {"HOME": "/tmp"}), sandbox="process")
    standing = main._find_standing(config)
    assert (standing.slot, standing.node_uid) == (None, None)


def test_isolation_that_the_machine_does_not_allow_is_refused_with_the_way_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse() -> int:
        raise OSError("this machine lets no ordinary user make namespaces")

    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    monkeypatch.setattr(user_namespace, "enter", refuse)
    with pytest.raises(SettingsError, match=r"lets no ordinary user .*--sandbox process"):
        main._find_standing(Config.load({}, {"HOME": "/tmp"}))


def test_a_run_directory_that_others_can_write_to_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Or that is a link to somewhere else."""
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    directory = main._users_run_directory(os.getuid())
    assert directory.parent == tmp_path
    directory.chmod(0o777)
    with pytest.raises(SettingsError, match="only you can write"):
        main._users_run_directory(os.getuid())
    directory.rmdir()
    directory.symlink_to("/usr")
    with pytest.raises(SettingsError, match="only you can write"):
        main._users_run_directory(os.getuid())
