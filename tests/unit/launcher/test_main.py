"""What must be there before a node is started: the directory, the port, the privilege."""

from __future__ import annotations

import os
import socket
from dataclasses import replace
from pathlib import Path

import pytest

from lambdad.config import Config
from lambdad.errors import SettingsError
from lambdad.launcher import main


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


def test_isolation_without_root_is_refused_with_the_way_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    config = Config.load({}, {"HOME": "/tmp"})
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(SettingsError, match="--sandbox process"):
        main._check_privilege(config)
    main._check_privilege(replace(config, sandbox="process"))
