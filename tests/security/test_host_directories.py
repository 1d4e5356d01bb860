"""Directories of the host that functions have: nothing beside them, and nobody's say but the
operator's."""

from __future__ import annotations

import base64
import errno
import json
import os
import tempfile
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from botocore.exceptions import ClientError

from lambdad.testing.server import LocalServer
from support.functions import DeployedFunction
from support.packages import make_zip, zoo_files
from support.probes import Probe, Refused

MakeFunction = Callable[..., DeployedFunction]
pytestmark = [pytest.mark.slow, pytest.mark.root]

ARN = "arn:aws:elasticfilesystem:us-east-1:000000000000:access-point/fsap-0123456789abcdef0"
OWNER = 12_345
URL = "http://127.0.0.1:4566/2015-03-31/functions"
READ_ONLY = (errno.EROFS, errno.EACCES, errno.EPERM)


class Host(NamedTuple):
    """A server whose operator has listed directories, beside a secret."""

    server: LocalServer
    top: Path

    @property
    def app(self) -> Path:
        return self.top / "code/app"


@pytest.fixture(scope="module", params=[False, True], ids=["namespaces", "rootless"])
def host(request: pytest.FixtureRequest, new_server: Callable[..., LocalServer]) -> Iterator[Host]:
    with tempfile.TemporaryDirectory(prefix="lambdad-host-") as name:
        top = Path(name).resolve()
        top.chmod(0o711)
        for directory in ("code/app", "shared", "secret"):
            (top / directory).mkdir(parents=True)
        for file, content in zoo_files("probe").items():
            path = top / "code/app" / file
            path.write_bytes(content.encode() if isinstance(content, str) else content)
        (top / "secret/app.py").write_text("def handler(event, context): ...")
        (top / "code/out").symlink_to(top / "secret")
        os.chown(top / "shared", OWNER, OWNER)
        (top / "shared").chmod(0o777)
        program = top / "shared/program"
        program.write_bytes(Path("/usr/bin/id").read_bytes())
        os.chown(program, 0, 0)
        program.chmod(0o6755)
        os.mknod(top / "shared/device", 0o60666, os.makedev(1, 1))
        (top / "shared/device").chmod(0o666)
        (top / "shared/out").symlink_to(top / "secret")
        settings = {"file_systems": f"{ARN}={top}/shared", "hot_reload": f"{top}/code"}
        with new_server(rootless=request.param, **settings) as server:
            yield Host(server, top)


@pytest.fixture(scope="module")
def live_probe(host: Host, deploy: MakeFunction) -> Probe:
    """A probe whose code is live."""
    return Probe(deploy(host.server, Code=live(host.app), Timeout=30))


@pytest.fixture(scope="module")
def probe(host: Host, deploy: MakeFunction) -> Probe:
    """A probe with a file system."""
    return Probe(deploy(host.server, "probe", Timeout=30, **mounting()))


def live(path: Path | str) -> dict[str, str]:
    return {"S3Bucket": "hot-reload", "S3Key": str(path)}


def mounting(place: str = "/mnt/data") -> dict[str, Any]:
    return {"FileSystemConfigs": [{"Arn": ARN, "LocalMountPath": place}]}


def options(probe: Probe, target: str) -> set[str]:
    (line,) = [line for line in probe.ask("mounts") if line.split()[4] == target]
    return set(line.split()[5].split(","))


# Live code


@pytest.mark.parametrize("path", ["/var/task/x", "/var/task/app.py"])
def test_live_code_cannot_be_written(live_probe: Probe, host: Host, path: str) -> None:
    before = sorted(os.listdir(host.app))
    assert live_probe.errno_of("open_path", path=path, mode="w") in READ_ONLY
    assert {"ro", "nosuid", "nodev"} <= options(live_probe, "/var/task")
    assert sorted(os.listdir(host.app)) == before


@pytest.mark.parametrize(
    "path",
    ["{}/secret", "{}/code/out", "{}/code/../secret", "{}/code/app/../../secret", "{}/codex",
     "{}", "/", "/etc", "/proc/self/cwd", "/root", "{}/code/absent", "code/app", "{}/code/app\0/x",
     "~", "file://{}/code/app", "{}/shared"],
)  # fmt: skip
def test_no_other_directory_becomes_code(host: Host, deploy: MakeFunction, path: str) -> None:
    with pytest.raises(ClientError) as caught:
        deploy(host.server, Code=live(path.replace("{}", str(host.top))))
    assert caught.value.response["Error"]["Code"] == "InvalidParameterValueException"


@pytest.mark.parametrize("swap", ["app", "parent"])
def test_a_link_in_the_place_of_code_leads_nowhere(
    host: Host, deploy: MakeFunction, swap: str
) -> None:
    # Given code that was to be had when it was deployed
    name = uuid.uuid4().hex
    parent = host.top / "code" / name
    (parent / "app").mkdir(parents=True)
    (parent / "app/app.py").write_text("def handler(event, context):\n    return 'own'\n")
    function = deploy(host.server, Code=live(parent / "app"))
    assert function.call() == "own"
    # When somebody puts a link there, or on the way there
    victim = parent / "app" if swap == "app" else parent
    victim.rename(host.top / "code" / f"{name}-away")
    (host.top / "secret/app").mkdir(exist_ok=True)
    victim.symlink_to(host.top / "secret" if swap == "parent" else host.top / "secret/app")
    # Then
    with pytest.raises(ClientError) as caught:
        function.call()
    assert caught.value.response["Error"]["Code"] == "InvalidParameterValueException"


def test_the_servers_own_data_becomes_no_code(
    new_server: Callable[..., LocalServer], deploy: MakeFunction, tmp_path: Path
) -> None:
    (tmp_path / "data").mkdir()
    with new_server(tmp_path / "data", hot_reload=tmp_path.resolve()) as server:
        for path in ("data", "data/node", "data/node/logs", ""):
            with pytest.raises(ClientError) as caught:
                deploy(server, Code=live(f"{tmp_path.resolve()}/{path}"))
            assert "own data" in str(caught.value), path


# File systems


def test_what_is_planted_in_a_file_system_has_no_effect(probe: Probe) -> None:
    # Given a program that root owns and that takes its owner's rights, and a device
    assert {"rw", "nosuid", "nodev"} <= options(probe, "/mnt/data")
    # Then
    own = probe.ask("identity")["uid"][0]
    assert probe.ask("run", command=["/mnt/data/program", "-u"]) == str(own)
    assert probe.errno_of("open_path", path="/mnt/data/device", mode="rb") == errno.EACCES


def test_nothing_is_planted_in_a_file_system(probe: Probe, host: Host) -> None:
    # Given: the host runs what lies there, and there nobody takes the bit away
    assert probe.errno_of("make_setuid", path="/mnt/data/setuid") == errno.EPERM
    assert probe.errno_of("make_device", path="/mnt/data/disk") == errno.EPERM
    # Then
    assert (host.top / "shared/setuid").stat().st_mode & 0o6000 == 0
    assert not (host.top / "shared/disk").exists()


def test_a_link_in_a_file_system_leads_into_the_sandbox(probe: Probe) -> None:
    with pytest.raises(Refused) as caught:
        probe.ask("listing", path="/mnt/data/out")
    assert caught.value.errno == errno.ENOENT
    with pytest.raises(Refused):
        probe.ask("listing", path="/mnt/data/../../home")
    assert probe.ask("listing", path="/mnt") == ["data"]


def test_beside_a_file_system_nothing_can_be_written(probe: Probe) -> None:
    for path in ("/mnt/x", "/mnt/data/../x", "/mnt/data/../../x"):
        assert probe.errno_of("open_path", path=path, mode="w") in READ_ONLY


def test_who_has_no_file_system_sees_none(host: Host, deploy: MakeFunction) -> None:
    plain = Probe(deploy(host.server, "probe"))
    assert plain.ask("listing", path="/mnt") == []
    assert not [line for line in plain.ask("mounts") if str(host.top) in line]


@pytest.mark.parametrize("place", ["/mnt/..", "/mnt/.", "/mnt/", "/mnt/a/b", "/var/task", "/tmp"])
def test_a_file_system_stands_below_mnt_and_nowhere_else(
    host: Host, deploy: MakeFunction, place: str
) -> None:
    with pytest.raises(ClientError):
        deploy(host.server, "echo", **mounting(place))


def test_another_account_has_no_part_in_it(host: Host, deploy: MakeFunction) -> None:
    with pytest.raises(ClientError) as caught:
        deploy(host.server, "echo", access_key_id="999999999999", **mounting())
    assert "own region and account" in str(caught.value)


# From inside


@pytest.fixture(scope="module")
def inside(host: Host, deploy: MakeFunction) -> Probe:
    """A probe that asks through its own endpoint."""
    return Probe(deploy(host.server, "probe", Timeout=30))


def package() -> str:
    return base64.b64encode(make_zip({"app.py": "def handler(event, context): ..."})).decode()


def ask(probe: Probe, method: str, path: str, body: dict[str, Any]) -> dict[str, Any]:
    answer: dict[str, Any] = probe.ask(
        "fetch", url=f"{URL}{path}", method=method, body=json.dumps(body),
        headers={"Content-Type": "application/json"},
    )  # fmt: skip
    return answer


@pytest.mark.parametrize("asked", ["live code", "a file system"])
def test_no_function_is_made_from_inside_with_a_directory_of_the_host(
    inside: Probe, host: Host, asked: str
) -> None:
    extra = {"Code": live(host.app)} if asked == "live code" else mounting()
    answer = ask(inside, "POST", "", {
        "FunctionName": "from-inside", "Runtime": "python3.12", "Handler": "app.handler",
        "Role": "arn:aws:iam::000000000000:role/r", "Code": {"ZipFile": package()}, **extra,
    })  # fmt: skip
    assert answer["status"] == 403, answer
    assert "must not mount" in answer["body"]


def test_no_function_gets_one_from_inside_and_none_that_has_one_changes_its_code(
    inside: Probe, probe: Probe, live_probe: Probe, host: Host
) -> None:
    own, theirs, live_one = (each.function.name for each in (inside, probe, live_probe))
    attempts: list[tuple[str, dict[str, Any]]] = [
        (f"/{own}/code", live(host.app)),
        (f"/{own}/configuration", mounting()),
        (f"/{theirs}/code", {"ZipFile": package()}),
        (f"/{theirs}/configuration", {"Handler": "os.system"}),
        (f"/{live_one}/code", {"ZipFile": package()}),
        (f"/{live_one}/configuration", {"Handler": "os.system"}),
    ]
    for path, body in attempts:
        answer = ask(inside, "PUT", path, body)
        assert answer["status"] == 403, (path, answer)
