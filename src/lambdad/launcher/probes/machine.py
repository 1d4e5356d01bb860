"""The facts of one machine, as one user sees it.

An `…_error` says why something that was tried did not work: None when it worked, or when there was
nothing to try it with.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from lambdad.launcher.interpreters import Interpreter


@dataclass(frozen=True, slots=True)
class User:
    """Who asks.

    `can_administer`: has CAP_SYS_ADMIN. `has_environment_ids`: the user ids that a server of root
    gives to environments exist here, which in a user namespace they may not.
    """

    name: str
    uid: int
    can_administer: bool = False
    has_environment_ids: bool = True

    @property
    def is_root(self) -> bool:
        """Is it user id 0?"""
        return self.uid == 0


@dataclass(frozen=True, slots=True)
class Kernel:
    """`namespaces_error` is about a sandbox's namespaces and mounts, made by root or in a user
    namespace, whichever this user has to do."""

    system: str
    release: str
    architecture: str
    calls_error: str | None = None
    seccomp_error: str | None = None
    namespaces_error: str | None = None

    @property
    def version(self) -> tuple[int, ...]:
        """`6.1.0-18-amd64` as (6, 1)."""
        parts = self.release.split("-")[0].split(".")[:2]
        return tuple(int(part) for part in parts if part.isdecimal())


@dataclass(frozen=True, slots=True)
class UserNamespaces:
    """What a user without root needs; None for a setting that this kernel does not have.

    `subordinate_uids` and `subordinate_gids` count the ids in the largest range of /etc/subuid and
    /etc/subgid; `free_range` is the first that nobody has there.
    """

    unprivileged_clone: int | None = None  # kernel.unprivileged_userns_clone
    most: int | None = None  # user.max_user_namespaces
    apparmor_restricts: int | None = None  # kernel.apparmor_restrict_unprivileged_userns
    is_filtered: bool = False
    tools: tuple[str, ...] = ()
    subordinate_uids: int = 0
    subordinate_gids: int = 0
    free_range: int = 100_000
    mapping_error: str | None = None


@dataclass(frozen=True, slots=True)
class ControlGroups:
    """`version1` and `version2` are the controllers of each; a hybrid machine has both.

    `own_group` is where this process stands in version 2. `delegated` are the controllers that this
    user may use below it, None when no group may be made there.
    """

    version1: tuple[str, ...] = ()
    version2: tuple[str, ...] = ()
    version2_mount: str = ""
    is_writable: bool = False
    is_of_another_namespace: bool = False
    own_group: str = ""
    delegated: tuple[str, ...] | None = None
    has_favordynmods: bool = False


@dataclass(frozen=True, slots=True)
class Systemd:
    """`offered` are the controllers that the user's own manager may hand on."""

    is_running: bool = False
    has_user_manager: bool = False
    knows_user_manager: bool = False  # XDG_RUNTIME_DIR is set, by which systemd-run finds it
    offered: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Egress:
    """What functions need to reach the internet: programs by their packages, None where one is not
    installed. `tun_error` is about the device by which one of them makes an interface."""

    programs: dict[str, str | None] = field(default_factory=dict)
    tun_error: str | None = None


@dataclass(frozen=True, slots=True)
class Resources:
    """What there is to share out; None for a limit that is not set."""

    descriptors: int | None
    memory_mb: int
    available_mb: int
    cores: int


@dataclass(frozen=True, slots=True)
class Machine:
    """All of it. `distribution` is ID and ID_LIKE of /etc/os-release; `container` is docker,
    podman or nothing."""

    user: User
    kernel: Kernel
    resources: Resources
    user_namespaces: UserNamespaces = field(default_factory=UserNamespaces)
    control_groups: ControlGroups = field(default_factory=ControlGroups)
    systemd: Systemd = field(default_factory=Systemd)
    egress: Egress = field(default_factory=Egress)
    interpreters: tuple[Interpreter, ...] = ()
    languages: tuple[Interpreter, ...] = ()  # of others than Python
    distribution: tuple[str, ...] = ()
    container: str = ""
