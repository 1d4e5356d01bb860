"""Settings: flags before variables before defaults, and nothing that cannot work."""

from __future__ import annotations

import os
from dataclasses import fields, replace
from pathlib import Path

import pytest

from lambdad.config import SETTINGS, Config
from lambdad.errors import SettingsError
from support.certificates import local_certificate


def test_a_flag_wins_over_a_variable_and_a_variable_over_the_default() -> None:
    environ = {"LAMBDAD_PORT": "5000", "LAMBDAD_CONCURRENCY": "7"}
    config = Config.load({"port": "6000", "concurrency": None}, environ)
    assert (config.port, config.concurrency, config.host) == (6000, 7, "127.0.0.1")


def test_every_row_of_the_table_is_a_field_of_the_config() -> None:
    assert [setting.name for setting in SETTINGS] == [field.name for field in fields(Config)]


def test_config_survives_the_way_to_a_child_process() -> None:
    config = Config.load({"cgroup_favordynmods": "false", "idle_timeout": "5"}, {})
    assert Config.from_json(config.to_json()) == config


@pytest.mark.parametrize(
    ("name", "text", "reason"),
    [
        ("host", "0.0.0.0", "authentication is not available yet"),
        ("host", "192.168.1.5", "authentication is not available yet"),
        ("host", "example.com", "it must be an IP address or localhost"),
        ("port", "65536", "between 0 and 65535"),
        ("port", "-1", "between 0 and 65535"),
        ("port", "http", "a whole number"),
        ("data_dir", " ", "it must name a directory"),
        ("sandbox", "docker", "one of namespaces, process"),
        ("runtimes", "newest", "one of nearest, strict"),
        ("idle_timeout", "0", "at least 1"),
        ("s3_endpoint", "s3.amazonaws.com", "it must be a URL"),
        ("s3_endpoint", "ftp://host", "it must be a URL"),
        ("s3_endpoint", "http://me:secret@host", "AWS_ACCESS_KEY_ID"),
        ("code_storage", "0", "at least 1"),
        ("concurrency", "0", "at least 1"),
        ("freeze_after", "-1", "at least 0"),
        ("freeze_after", "soon", "a whole number"),
        ("idle_memory", "-1", "at least 0"),
        ("idle_memory", "half", "a whole number"),
        ("pool_memory", "-1", "at least 0"),
        ("pool_memory", "1.5", "a whole number"),
        ("cgroup_favordynmods", "maybe", "true or false"),
        ("signing_profiles", "release.pem", "pairs of ARN=FILE"),
        ("signing_profiles", "arn:a=", "pairs of ARN=FILE"),
        ("signing_profiles", "arn:a=/b,arn:a=/c", "names arn:a twice"),
        ("endpoints", "http://127.0.0.1:1", "pairs of SERVICE=URL"),
        ("endpoints", "sqq=http://127.0.0.1:1", "pairs of SERVICE=URL"),
        ("endpoints", ",", "pairs of SERVICE=URL"),
        ("endpoints", "sqs=", "it must be a URL"),
        ("endpoints", "sqs=none", "it must be a URL"),
        ("endpoints", "sqs=file:///etc/passwd", "it must be a URL"),
        ("endpoints", "sqs=http://me:secret@host", "AWS_ACCESS_KEY_ID"),
        ("endpoints", "sqs=http://host:99999", "out of range"),
        ("endpoints", "sqs=http://a,sqs=http://b", "names sqs twice"),
        ("log_level", "loud", "one of debug"),
    ],
)
def test_a_bad_setting_is_refused_by_name(name: str, text: str, reason: str) -> None:
    with pytest.raises(SettingsError, match=f"Setting {name} cannot be .*{reason}"):
        Config.load({name: text}, {})


def test_signing_profiles_are_pairs() -> None:
    config = Config.load({"signing_profiles": "arn:a:/b/c=/d.pem, arn:e=/f=g.pem,"}, {})
    assert config.signing_profiles == {"arn:a:/b/c": "/d.pem", "arn:e": "/f=g.pem"}
    assert Config.load({}, {}).signing_profiles == {}
    assert Config.from_json(config.to_json()) == config


def test_endpoints_are_pairs_and_name_s3_before_the_setting_of_its_own() -> None:
    text = "sqs=http://127.0.0.1:5000, sns=https://sns.eu-west-1.amazonaws.com"
    config = Config.load({"endpoints": text, "s3_endpoint": "http://a"}, {})
    named = {"sqs": "http://127.0.0.1:5000", "sns": "https://sns.eu-west-1.amazonaws.com"}
    assert config.endpoints == named
    assert config.service_urls == {**named, "s3": "http://a"}
    assert Config.from_json(config.to_json()) == config
    both = Config.load({"endpoints": "s3=http://b", "s3_endpoint": "http://a"}, {})
    assert both.service_urls == {"s3": "http://b"}
    assert Config.load({}, {}).service_urls == {}


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.8.8", "::1", "localhost"])
def test_any_loopback_address_is_allowed(host: str) -> None:
    assert Config.load({"host": host}, {}).host == host


ARN = "arn:aws:elasticfilesystem:eu-west-1:123456789012:access-point/fsap-0123456789abcdef0"
S3_FILES = "arn:aws:s3files:eu-west-1:123456789012:file-system/fs-0123456789abcdef0"


@pytest.fixture
def directory(tmp_path: Path) -> str:
    (tmp_path / "data").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "data")
    (tmp_path / "file").touch()
    return os.path.realpath(tmp_path)


def test_no_directory_of_the_host_is_listed_by_default() -> None:
    config = Config.load({}, {})
    assert (config.file_systems, config.hot_reload) == ({}, [])
    assert Config.load({"file_systems": "", "hot_reload": "none"}, {}) == config


def test_an_access_point_stands_for_a_directory(directory: str) -> None:
    other = f"{S3_FILES}/access-point/fsap-0123456789abcdef0"
    text = f"{ARN}={directory}/data, {other}={directory}"
    config = Config.load({"file_systems": text}, {})
    assert config.file_systems == {ARN: f"{directory}/data", other: directory}
    assert Config.from_json(config.to_json()) == config


def test_directories_with_live_code_are_separated_by_colons(directory: str) -> None:
    config = Config.load({"hot_reload": f"{directory}:{directory}/data/"}, {})
    assert config.hot_reload == [directory, f"{directory}/data"]
    assert Config.from_json(config.to_json()) == config


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("", "no absolute path"),
        ("data", "no absolute path"),
        ("{}/absent", "no directory"),
        ("{}/file", "no directory"),
        ("{}/link", "not where it really is; write {}/data"),
        ("{}/data/../data", "not where it really is; write {}/data"),
        ("/", "the whole machine"),
        ("//", "the whole machine"),
        ("{}/data\0", "no absolute path"),
    ],
)
def test_a_directory_that_is_not_what_it_says_is_refused_by_name(
    directory: str, path: str, reason: str
) -> None:
    written, reason = path.replace("{}", directory), reason.replace("{}", directory)
    with pytest.raises(SettingsError, match=f"Setting file_systems cannot be .*{reason}"):
        Config.load({"file_systems": f"{ARN}={written}"}, {})
    with pytest.raises(SettingsError, match=f"Setting hot_reload cannot be .*{reason}"):
        Config.load({"hot_reload": f"{directory}:{written}"}, {})


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (ARN, "it must be ARN=DIRECTORY"),
        ("arn:aws:s3:::bucket={}", "access point of EFS or S3 Files"),
        (",", "it must be ARN=DIRECTORY"),
        (f"{ARN}={{}},{ARN}={{}}/data", "twice"),
    ],
)
def test_what_is_no_list_of_access_points_is_refused(
    directory: str, text: str, reason: str
) -> None:
    with pytest.raises(SettingsError, match=f"Setting file_systems cannot be .*{reason}"):
        Config.load({"file_systems": text.replace("{}", directory)}, {})


def test_an_unknown_setting_is_refused() -> None:
    with pytest.raises(SettingsError, match="no setting named colour"):
        Config.load({"colour": "red"}, {})


def test_data_of_an_ordinary_user_lives_in_their_home(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    assert Config.load({}, {"XDG_DATA_HOME": "/data"}).data_dir == "/data/lambdad"
    monkeypatch.setenv("HOME", "/home/me")
    assert Config.load({}, {}).data_dir == "/home/me/.local/share/lambdad"


def test_data_of_root_lives_in_var_lib(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 0)
    assert Config.load({}, {"XDG_DATA_HOME": "/data"}).data_dir == "/var/lib/lambdad"


def test_idle_environments_are_frozen_soon_and_may_hold_half_of_the_machines_memory(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    of_the_machine = {"SC_PHYS_PAGES": 1 << 20, "SC_PAGE_SIZE": 4096}
    monkeypatch.setattr("os.sysconf", of_the_machine.__getitem__)
    config = Config.load({}, {})
    assert (config.freeze_after, config.idle_memory, config.pool_memory) == (20, 2048, 256)


def test_what_memory_is_for_can_be_set_and_nothing_is_a_choice() -> None:
    flags = {"freeze_after": "0", "idle_memory": "0", "pool_memory": "0"}
    config = Config.load(flags, {"LAMBDAD_IDLE_MEMORY": "7"})
    assert (config.freeze_after, config.idle_memory, config.pool_memory) == (0, 0, 0)
    assert Config.load({}, {"LAMBDAD_IDLE_MEMORY": "7"}).idle_memory == 7


def test_an_s3_endpoint_is_a_url_or_none() -> None:
    assert Config.load({}, {}).s3_endpoint == ""
    url = "https://s3.eu-central-1.amazonaws.com"
    assert Config.load({}, {"LAMBDAD_S3_ENDPOINT": url}).s3_endpoint == url


# https


@pytest.fixture
def tls(tmp_path: Path) -> dict[str, str]:
    """A certificate's and its key's files, as settings."""
    made = local_certificate()
    (tmp_path / "cert.pem").write_bytes(made.chain)
    (tmp_path / "key.pem").write_bytes(made.key)
    return {"tls_cert": str(tmp_path / "cert.pem"), "tls_key": str(tmp_path / "key.pem")}


def test_without_a_certificate_only_http_is_spoken() -> None:
    config = Config.load({"tls_cert": "none", "tls_key": ""}, {})
    assert (config.tls_cert, config.tls_key, config.tls_context()) == ("", "", None)


def test_what_is_in_the_files_travels_to_a_child_process(tls: dict[str, str]) -> None:
    config = Config.load({}, {f"LAMBDAD_{name.upper()}": file for name, file in tls.items()})
    assert config.tls_key == local_certificate().key.decode()
    received = Config.from_descriptor(config.to_descriptor())
    assert received == config
    assert received.tls_context() is not None


def test_the_key_is_not_shown(tls: dict[str, str]) -> None:
    config = Config.load(tls, {})
    assert "tls_cert=" in repr(config)
    assert "PRIVATE KEY" not in repr(config)


@pytest.mark.parametrize(("given", "missing"), [("tls_cert", "tls_key"), ("tls_key", "tls_cert")])
def test_a_certificate_and_its_key_are_both_given_or_neither(
    tls: dict[str, str], given: str, missing: str
) -> None:
    with pytest.raises(SettingsError, match=f"Setting {missing} is missing: {given} needs it."):
        Config.load({given: tls[given]}, {})


def test_the_content_of_a_file_in_place_of_its_name_is_not_shown() -> None:
    with pytest.raises(SettingsError, match=r"Setting tls_key .*must name a file") as told:
        Config.load({"tls_key": local_certificate().key.decode()}, {})
    assert local_certificate().key.decode().splitlines()[1] not in str(told.value)


def test_a_config_of_any_size_fits_the_way_to_a_child_process(tls: dict[str, str]) -> None:
    names = {f"arn:{n}": f"/{'x' * 100}" for n in range(10_000)}
    config = replace(Config.load(tls, {}), signing_profiles=names)
    assert Config.from_descriptor(config.to_descriptor()) == config


def test_functions_have_no_egress_by_default() -> None:
    config = Config.load({}, {})
    assert (config.egress, config.egress_allow) == ("none", [])


def test_networks_that_functions_may_reach_are_separated_by_commas() -> None:
    config = Config.load({"egress": "internet", "egress_allow": "10.1.0.0/16, 192.168.1.7"}, {})
    assert config.egress_allow == ["10.1.0.0/16", "192.168.1.7/32"]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("all", "networks such as"),
        ("10.1.0.7/16", "has host bits set"),
        ("fd00::/8", "networks such as"),
        ("10.1.0.0/16,", "networks such as"),
        ("169.254.0.0/16", "never reached"),
        ("127.0.0.0/8", "never reached"),
    ],
)
def test_what_is_no_network_for_functions_is_refused(text: str, reason: str) -> None:
    with pytest.raises(SettingsError, match=f"Setting egress_allow cannot be .*{reason}"):
        Config.load({"egress_allow": text}, {})
