"""What the operator lists is to be had and nothing else, however a path is written or led."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from lambdad.launcher.contract import NotToBeHad
from lambdad.launcher.host_directories import HostDirectories, is_within, open_directory

ARN = "arn:aws:elasticfilesystem:us-east-1:000000000000:access-point/fsap-0123456789abcdef0"


@pytest.fixture
def top(tmp_path: Path) -> Path:
    top = tmp_path.resolve()
    for name in ("listed/app/inner", "listed-too", "secret", "data/node"):
        (top / name).mkdir(parents=True)
    (top / "listed/out").symlink_to(top / "secret")
    (top / "listed/within").symlink_to("app")
    (top / "into").symlink_to(top / "listed")
    (top / "listed/file").touch()
    return top


@pytest.fixture
def directories(top: Path) -> HostDirectories:
    return HostDirectories(
        {ARN: str(top / "secret")}, [str(top / "listed")], private=str(top / "data")
    )


def opened(descriptor: int) -> os.stat_result:
    try:
        return os.fstat(descriptor)
    finally:
        os.close(descriptor)


@pytest.mark.parametrize("name", ["listed", "listed/app", "listed/app/inner"])
def test_a_directory_beneath_a_listed_one_is_to_be_had(
    directories: HostDirectories, top: Path, name: str
) -> None:
    path = str(top / name)
    assert directories.find_live_code(path) == path
    assert os.path.samestat(opened(directories.open_live_code(path)), os.stat(path))


@pytest.mark.parametrize("name", ["into/app", "listed/within", "listed/app/../app", "listed/app/"])
def test_a_link_is_found_where_it_leads_and_is_not_to_be_opened(
    directories: HostDirectories, top: Path, name: str
) -> None:
    path = f"{top}/{name}"
    assert directories.find_live_code(path) == str(top / "listed/app")
    with pytest.raises(NotToBeHad):
        directories.open_live_code(path)


@pytest.mark.parametrize(
    "name", ["secret", "listed/out", "listed/../secret", "listed-too", "", "listed/../", "absent"]
)
def test_what_lies_elsewhere_is_not(directories: HostDirectories, top: Path, name: str) -> None:
    for find in (directories.find_live_code, directories.open_live_code):
        with pytest.raises(NotToBeHad, match="hot_reload") as caught:
            find(f"{top}/{name}")
        assert caught.value.wanted == f"{top}/{name}"


@pytest.mark.parametrize("path", ["", ".", "listed", "/proc/self/cwd", "/etc", "~", "/a\0b"])
def test_no_other_text_is_a_directory(directories: HostDirectories, path: str) -> None:
    with pytest.raises(NotToBeHad):
        directories.find_live_code(path)


def test_without_a_list_there_is_nothing(top: Path) -> None:
    with pytest.raises(NotToBeHad, match="hot_reload lists no directory"):
        HostDirectories().find_live_code(str(top / "listed"))
    with pytest.raises(NotToBeHad, match="file_systems"):
        HostDirectories().open_file_system(ARN)


@pytest.mark.parametrize("name", ["file", "absent"])
def test_what_is_no_directory_cannot_be_opened(
    directories: HostDirectories, top: Path, name: str
) -> None:
    with pytest.raises(NotToBeHad):
        directories.open_live_code(str(top / "listed" / name))


def test_a_link_that_takes_the_place_of_a_directory_leads_nowhere(
    directories: HostDirectories, top: Path
) -> None:
    # Given a directory that was to be had, and somebody who moves its parent away
    path = str(top / "listed/app/inner")
    (top / "secret/inner").mkdir()
    os.close(directories.open_live_code(path))
    (top / "listed/app").rename(top / "listed/away")
    (top / "listed/app").symlink_to(top / "secret")
    # Then: neither by the check, nor past it
    with pytest.raises(NotToBeHad):
        directories.open_live_code(path)
    with pytest.raises(OSError):  # noqa: PT011 - ELOOP or ENOTDIR
        open_directory(path)


def test_a_file_system_is_the_directory_of_its_access_point(
    directories: HostDirectories, top: Path
) -> None:
    found = opened(directories.open_file_system(ARN))
    assert os.path.samestat(found, os.stat(top / "secret"))
    with pytest.raises(NotToBeHad, match="file_systems"):
        directories.open_file_system(ARN.replace("abc", "000"))


@pytest.mark.parametrize("replacement", ["nothing", "link", "file"])
def test_a_file_system_whose_directory_is_gone_is_not_to_be_had(
    directories: HostDirectories, top: Path, replacement: str
) -> None:
    (top / "secret").rmdir()
    if replacement == "link":
        (top / "secret").symlink_to("/etc")
    elif replacement == "file":
        (top / "secret").touch()
    with pytest.raises(NotToBeHad) as caught:
        directories.open_file_system(ARN)
    assert caught.value.wanted == ARN


@pytest.mark.parametrize("name", ["", "data", "data/node"])
def test_nobody_gets_the_servers_own_data(top: Path, name: str) -> None:
    path = str(top / name) if name else str(top)
    directories = HostDirectories({ARN: path}, [str(top)], private=str(top / "data"))
    with pytest.raises(NotToBeHad, match="own data"):
        directories.open_file_system(ARN)
    with pytest.raises(NotToBeHad, match="own data"):
        directories.open_live_code(path)


def test_a_name_that_only_begins_alike_is_not_within() -> None:
    assert is_within("/a/b", "/a")
    assert is_within("/a", "/a")
    assert not is_within("/ab", "/a")
    assert not is_within("/", "/a")


def test_nothing_stays_open(directories: HostDirectories, top: Path) -> None:
    before = os.listdir("/proc/self/fd") if os.path.exists("/proc") else []
    for name in ("listed/out", "listed/app/absent", "listed/file"):
        with pytest.raises(OSError):  # noqa: PT011
            os.close(open_directory(str(top / name)))
    assert len(os.listdir("/proc/self/fd")) == len(before)
