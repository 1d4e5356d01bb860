"""The table of settings, and the one frozen `Config` that is read from it.

    --port 4566   >   LAMBDAD_PORT=4566   >   the default in the table

A setting is data: its name, how its text is read, its default and its help. The command line's
flags, the environment's variables and the reference page are all made from `SETTINGS`. A value
that cannot work is refused at the start, with the setting's name in the sentence. The config is
read once and handed on as a value; child processes get it as JSON.
"""

from __future__ import annotations

import ipaddress
import json
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from lambdad.errors import SettingsError
from lambdad.server_certificate import make_tls_context, read_certificates, read_private_key

if TYPE_CHECKING:
    import ssl

ENVIRONMENT_PREFIX = "LAMBDAD_"
_HIGHEST_PORT = 65_535
_TRUE = frozenset({"true", "yes", "on", "1"})
_FALSE = frozenset({"false", "no", "off", "0"})
_NONE = ("", "none")

# Pairs of KEY=VALUE, of which each setting has its own.
_SIGNER = re.compile(r"(arn:[^=]*)=(.*\S.*)")
_ACCESS_POINT = re.compile(
    r"(arn:aws[a-z-]*:(?:elasticfilesystem|s3files):[a-zA-Z0-9:/-]+)=(.*)", re.DOTALL
)
_SERVICE_ENDPOINT = re.compile(r"(events|s3|sns|sqs)=(.*)")


@dataclass(frozen=True, slots=True)
class Setting:
    """One row of the table.

    `read` turns text into the value and raises ValueError with the reason why it cannot.
    `metavar` is what help shows for the value. `default` is text, as an operator would write it.
    `computed_default`, when there is one, finds it from the environment's variables instead; then
    `default` describes it.
    """

    name: str
    read: Callable[[str], Any]
    default: str
    help: str
    metavar: str
    computed_default: Callable[[Mapping[str, str]], str] | None = None

    @property
    def flag(self) -> str:
        """The option of `lambdad serve`."""
        return "--" + self.name.replace("_", "-")

    @property
    def variable(self) -> str:
        """The environment variable."""
        return ENVIRONMENT_PREFIX + self.name.upper()

    @property
    def is_switch(self) -> bool:
        """Is it either on or off?"""
        return self.read is _read_switch

    def text_from(self, flags: Mapping[str, str | None], environ: Mapping[str, str]) -> str:
        """The text that counts: the flag's, else the variable's, else the default."""
        flag = flags.get(self.name)
        if flag is not None:
            return flag
        if environ.get(self.variable):
            return environ[self.variable]
        return self.computed_default(environ) if self.computed_default else self.default

    def parse(self, text: str) -> Any:
        """Read `text`, or refuse it by name."""
        try:
            return self.read(text)
        except ValueError as error:
            # What should be in a file may be a secret.
            shown = "what it is" if "-----BEGIN" in text else repr(text)
            raise SettingsError(f"Setting {self.name} cannot be {shown}: {error}.") from None


def _read_host(text: str) -> str:
    host = text.strip()
    if host == "localhost":
        return host
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        raise ValueError("it must be an IP address or localhost") from None
    if not address.is_loopback:
        raise ValueError(
            "authentication is not available yet, so only a loopback address such as 127.0.0.1 "
            "is allowed"
        )
    return host


def _read_path(text: str) -> str:
    if not text.strip():
        raise ValueError("it must name a directory")
    if "\0" in text:
        raise ValueError("a path holds no NUL character")
    return str(Path(text).expanduser().absolute())


def _read_integer(lowest: int, highest: int | None = None) -> Callable[[str], int]:
    def read(text: str) -> int:
        try:
            number = int(text)
        except ValueError:
            raise ValueError("it must be a whole number") from None
        if highest is not None and not lowest <= number <= highest:
            raise ValueError(f"it must be between {lowest} and {highest}")
        if number < lowest:
            raise ValueError(f"it must be at least {lowest}")
        return number

    return read


def _read_choice(*choices: str) -> Callable[[str], str]:
    def read(text: str) -> str:
        if text not in choices:
            raise ValueError(f"it must be one of {', '.join(choices)}")
        return text

    return read


def _read_pairs(
    form: re.Pattern[str], read_value: Callable[[str], str], rule: str
) -> Callable[[str], dict[str, str]]:
    """`KEY=VALUE,KEY=VALUE`; `form` has a group for each, and `rule` says what it asks for."""

    def read(text: str) -> dict[str, str]:
        if text.strip() in _NONE:
            return {}
        found: dict[str, str] = {}
        for part in filter(None, (part.strip() for part in text.split(","))):
            pair = form.fullmatch(part)
            if pair is None:
                raise ValueError(rule)
            if pair[1] in found:
                raise ValueError(f"it names {pair[1]} twice")
            found[pair[1]] = read_value(pair[2])
        if not found:
            raise ValueError(rule)
        return found

    return read


def _read_switch(text: str) -> bool:
    word = text.strip().lower()
    if word not in _TRUE | _FALSE:
        raise ValueError("it must be true or false")
    return word in _TRUE


def _read_optional_url(text: str) -> str:
    """An endpoint's URL; empty for none."""
    return "" if text.strip() in _NONE else _read_url(text)


def _read_url(text: str) -> str:
    url = urlsplit(text.strip())
    if url.scheme not in ("http", "https") or not url.hostname or url.query or url.fragment:
        raise ValueError("it must be a URL such as https://s3.eu-central-1.amazonaws.com")
    if url.username or url.password:
        raise ValueError("credentials belong into AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY")
    if url.port == 0:  # and one that is no port raises ValueError
        raise ValueError("port 0 cannot be reached")
    return text.strip()


def _read_optional_file(read_file: Callable[[str], str]) -> Callable[[str], str]:
    """What is in the file of that name; empty for none."""
    return lambda text: "" if text.strip() in _NONE else read_file(text)


def _read_document(file: str) -> str:
    """The JSON document in a file."""
    try:
        text = Path(file.strip()).expanduser().read_text()
        json.loads(text)
    except (OSError, ValueError) as error:
        raise ValueError(f"{file} cannot be read: {error}") from None
    return text


def _read_networks(text: str) -> list[str]:
    if text.strip() in _NONE:
        return []
    return [_checked_network(part.strip()) for part in text.split(",")]


def _checked_network(text: str) -> str:
    """A network of IPv4 that functions may reach although it is not public."""
    try:
        network = ipaddress.IPv4Network(text)
    except ValueError as error:
        raise ValueError(f"it must be networks such as 10.1.0.0/16 ({error})") from None
    if network.is_loopback or network.is_link_local:
        raise ValueError(f"{network} is never reached from functions")
    return str(network)


def _read_directories(text: str) -> list[str]:
    if text.strip() in _NONE:
        return []
    return [_checked_directory(path) for path in text.split(":")]


def _checked_directory(path: str) -> str:
    """A directory of the host that functions may have: what it says is what it is."""
    if not path.startswith("/") or "\0" in path:
        raise ValueError(f"{path or 'an empty text'} is no absolute path")
    real = os.path.realpath(path)
    if not os.path.isdir(real):
        raise ValueError(f"{path} is no directory")
    if real == "/":
        raise ValueError("/ would be the whole machine")
    if real != path.rstrip("/"):
        raise ValueError(f"{path} is not where it really is; write {real}")
    return real


def _default_data_dir(environ: Mapping[str, str]) -> str:
    if os.geteuid() == 0:
        return "/var/lib/lambdad"
    data_home = environ.get("XDG_DATA_HOME") or str(Path.home() / ".local" / "share")
    return str(Path(data_home) / "lambdad")


def _default_idle_memory(environ: Mapping[str, str]) -> str:
    return str(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // (2 * 1024 * 1024))


SETTINGS = (
    Setting(
        "host",
        _read_host,
        "127.0.0.1",
        "Address to listen on. Only loopback is allowed: authentication is not available yet.",
        "ADDRESS",
    ),
    Setting(
        "port",
        _read_integer(0, _HIGHEST_PORT),
        "4566",
        "Port to listen on; 0 takes any free one, which the ready line names.",
        "PORT",
    ),
    Setting(
        "tls_cert",
        _read_optional_file(read_certificates),
        "none",
        "File of a certificate and those between it and its CA (PEM): the port then speaks https "
        "beside http. `lambdad certificate` makes one.",
        "FILE",
    ),
    Setting(
        "tls_key",
        _read_optional_file(read_private_key),
        "none",
        "File of the certificate's private key (PEM), not encrypted.",
        "FILE",
    ),
    Setting(
        "data_dir",
        _read_path,
        "/var/lib/lambdad as root, else $XDG_DATA_HOME/lambdad or ~/.local/share/lambdad",
        "Directory that holds all state: functions, code and logs.",
        "DIRECTORY",
        computed_default=_default_data_dir,
    ),
    Setting(
        "sandbox",
        _read_choice("namespaces", "process"),
        "namespaces",
        "How functions are isolated: namespaces (as root, or in a user namespace), or process, "
        "which isolates nothing and must be chosen.",
        "namespaces|process",
    ),
    Setting(
        "runtimes",
        _read_choice("nearest", "strict"),
        "nearest",
        "What to do when the version of its language that a function asks for is not on this "
        "machine: run it on the nearest one, or refuse it (strict).",
        "nearest|strict",
    ),
    Setting(
        "missing_runtimes",
        _read_choice("refuse", "accept"),
        "refuse",
        "What to do when the language of a function is not on this machine at all: refuse to "
        "create it, or accept it, and let its invocations fail.",
        "refuse|accept",
    ),
    Setting(
        "idle_timeout",
        _read_integer(1),
        "600",
        "Seconds that an idle execution environment is kept warm.",
        "SECONDS",
    ),
    Setting(
        "concurrency",
        _read_integer(1),
        "1000",
        "Concurrent executions that an account may have in one region.",
        "NUMBER",
    ),
    Setting(
        "freeze_after",
        _read_integer(0),
        "20",
        "Milliseconds after which an idle execution environment is frozen: nothing in it runs "
        "until its next event.",
        "MILLISECONDS",
    ),
    Setting(
        "idle_memory",
        _read_integer(0),
        "half of the machine's memory",
        "Megabytes that idle execution environments may use together; beyond that, those that "
        "have been idle for longest end.",
        "MEGABYTES",
        computed_default=_default_idle_memory,
    ),
    Setting(
        "pool_memory",
        _read_integer(0),
        "256",
        "Megabytes for sandboxes that are made ahead and wait for a function, of languages that "
        "functions use; 0 makes none.",
        "MEGABYTES",
    ),
    Setting(
        "cgroup_favordynmods",
        _read_switch,
        "true",
        "Mount an empty cgroup hierarchy with favordynmods while the server runs, which makes "
        "cold starts faster. It changes a setting of the whole machine; a stop undoes it.",
        "true|false",
    ),
    Setting(
        "event_retry_delay",
        _read_integer(1, 3600),
        "60",
        "Seconds after which an event is tried again whose function has failed, and twice as many "
        "after the second failure; AWS's are 60.",
        "SECONDS",
    ),
    Setting(
        "event_lease",
        _read_integer(2, 3600),
        "60",
        "Seconds for which an event is claimed by who runs it; the claim is extended while it "
        "runs, and after that time without a sign of life the event may be run again.",
        "SECONDS",
    ),
    Setting(
        "dead_event_days",
        _read_integer(1),
        "14",
        "Days for which dead events are kept: given up, and taken by no destination.",
        "DAYS",
    ),
    Setting(
        "stream_bandwidth",
        _read_integer(0),
        "0",
        "Megabytes per second of a streamed response after its first 6 MB, 0 for as fast as it "
        "can be; AWS's are 2.",
        "MEGABYTES",
    ),
    Setting(
        "signing_profiles",
        _read_pairs(_SIGNER, _read_path, "it must be pairs of ARN=FILE, with commas between them"),
        "none",
        "Who may sign packages: pairs of the ARN of a signing profile's version and a file of "
        "certificates (PEM), with commas between them.",
        "ARN=FILE,...",
    ),
    Setting(
        "check_roles",
        _read_switch,
        "false",
        "Refuse a function whose execution role is not in its account, or does not trust Lambda.",
        "true|false",
    ),
    Setting(
        "s3_endpoint",
        _read_optional_url,
        "none",
        "URL of an S3 endpoint, from which code is fetched that CreateFunction and others name by "
        "S3Bucket and S3Key. Credentials and region are those of the server's own AWS_* variables.",
        "URL",
    ),
    Setting(
        "endpoints",
        _read_pairs(
            _SERVICE_ENDPOINT,
            _read_url,
            "it must be pairs of SERVICE=URL, with commas between them; services are events, s3, "
            "sns and sqs",
        ),
        "none",
        "Where services are that lambdad does not serve: pairs of SERVICE=URL, with commas between "
        "them (events, s3, sns, sqs). Destinations and dead-letter queues are sent to there, with "
        "the server's own AWS_* credentials. s3 takes the place of s3_endpoint.",
        "SERVICE=URL,...",
    ),
    Setting(
        "code_storage",
        _read_integer(1),
        "76800",
        "Megabytes of deployment packages and layers that an account may store in one region.",
        "MEGABYTES",
    ),
    Setting(
        "file_systems",
        _read_pairs(
            _ACCESS_POINT,
            _checked_directory,
            "it must be ARN=DIRECTORY, with the ARN of an access point of EFS or S3 Files; "
            "several are separated by commas",
        ),
        "none",
        "Directories of this machine for FileSystemConfigs: ARN=DIRECTORY, separated by commas. "
        "Each stands for the access point of that ARN.",
        "ARN=DIRECTORY[,…]",
    ),
    Setting(
        "hot_reload",
        _read_directories,
        "none",
        "Directories, separated by colons, beneath which code may be mounted live: with the "
        "bucket hot-reload, and the path as its key.",
        "DIRECTORY[:…]",
    ),
    Setting(
        "egress",
        _read_choice("none", "internet", "host"),
        "none",
        "How far functions reach: nowhere (none), public addresses (internet), or this machine's "
        "networks too (host). Each has that much unless it asks for less. Needs slirp4netns and "
        "nftables.",
        "none|internet|host",
    ),
    Setting(
        "egress_allow",
        _read_networks,
        "none",
        "Private networks, separated by commas, that functions with egress internet reach too.",
        "CIDR[,…]",
    ),
    Setting(
        "observe",
        _read_switch,
        "true",
        "Record the metrics and the usage of functions; their log lines are kept in any case.",
        "true|false",
    ),
    Setting(
        "otlp_endpoint",
        _read_optional_url,
        "none",
        "URL of an OpenTelemetry collector (http://127.0.0.1:4318), to which the server's metrics "
        "are sent every 10 seconds, by OTLP over HTTP.",
        "URL",
    ),
    Setting(
        "prices",
        _read_optional_file(_read_document),
        "none",
        "File of the prices that `lambdad usage` reckons with, in place of AWS's of us-east-1; "
        "docs/metrics.md shows its form.",
        "FILE",
    ),
    Setting(
        "log_level",
        _read_choice("debug", "info", "warning", "error"),
        "info",
        "Least severe line of the server's own log, which goes to standard error.",
        "debug|info|warning|error",
    ),
)


@dataclass(frozen=True, slots=True)
class Config:
    """Every setting, read and checked. The field names are those of the table.

    `tls_cert` and `tls_key` are what is in the files, or empty; the key is never shown.
    """

    host: str
    port: int
    tls_cert: str
    tls_key: str = field(repr=False)
    data_dir: str
    sandbox: str
    runtimes: str
    missing_runtimes: str
    idle_timeout: int
    concurrency: int
    freeze_after: int
    idle_memory: int
    pool_memory: int
    cgroup_favordynmods: bool
    event_retry_delay: int
    event_lease: int
    dead_event_days: int
    stream_bandwidth: int
    signing_profiles: dict[str, str]
    check_roles: bool
    s3_endpoint: str
    endpoints: dict[str, str]
    code_storage: int
    file_systems: dict[str, str]
    hot_reload: list[str]
    egress: str
    egress_allow: list[str]
    observe: bool
    otlp_endpoint: str
    prices: str
    log_level: str

    @classmethod
    def load(cls, flags: Mapping[str, str | None], environ: Mapping[str, str]) -> Config:
        """Read every setting; raises SettingsError at the first that cannot work."""
        unknown = set(flags) - {setting.name for setting in SETTINGS}
        if unknown:
            raise SettingsError(f"There is no setting named {', '.join(sorted(unknown))}.")
        config = cls(
            **{
                setting.name: setting.parse(setting.text_from(flags, environ))
                for setting in SETTINGS
            }
        )
        config.tls_context()
        return config

    @property
    def service_urls(self) -> dict[str, str]:
        """Where each service is that is reached elsewhere."""
        store = {"s3": self.s3_endpoint} if self.s3_endpoint else {}
        return {**store, **self.endpoints}

    def tls_context(self) -> ssl.SSLContext | None:
        """What the front door speaks https with; None when it speaks http alone."""
        if bool(self.tls_cert) != bool(self.tls_key):
            given, missing = ("cert", "key") if self.tls_cert else ("key", "cert")
            raise SettingsError(f"Setting tls_{missing} is missing: tls_{given} needs it.")
        if not self.tls_cert:
            return None
        try:
            return make_tls_context(self.tls_cert, self.tls_key)
        except ValueError as error:
            raise SettingsError(f"Settings tls_cert and tls_key: {error}.") from None

    def to_json(self) -> str:
        """As a child process is given it."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Config:
        """The config that `to_json` wrote."""
        values = json.loads(text)
        return cls(**{field.name: values[field.name] for field in fields(cls)})

    def to_descriptor(self) -> int:
        """A file in memory from which a child process reads it: no setting shows in a process
        table, and its size does not matter, as that of a pipe would. The caller closes it."""
        descriptor = os.memfd_create("config")
        os.fchmod(descriptor, 0o600)
        with os.fdopen(descriptor, "w", closefd=False) as file:
            file.write(self.to_json())
        os.lseek(descriptor, 0, os.SEEK_SET)
        return descriptor

    @classmethod
    def from_descriptor(cls, descriptor: int) -> Config:
        """The config that `to_descriptor` wrote; the descriptor is closed."""
        with os.fdopen(descriptor) as file:
            return cls.from_json(file.read())
