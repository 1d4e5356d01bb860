"""The environments that are idle, by version and tenant, and how much memory they hold together."""

from __future__ import annotations

from collections.abc import Iterator

from lambdad.environment.environment import ExecutionEnvironment
from lambdad.environment.lifecycle import State

Key = tuple[str, str | None]  # revision id, tenant id


class IdleEnvironments:
    """Of one version and tenant, the latest is taken first; its memory stays cached longest."""

    def __init__(self) -> None:
        self._by_key: dict[Key, list[ExecutionEnvironment]] = {}
        self.memory = 0  # bytes

    def put(self, environment: ExecutionEnvironment) -> None:
        """It has become idle. One that needs another Init is taken when there is no better."""
        idle = self._by_key.setdefault(key_of(environment), [])
        idle.insert(len(idle) if environment.state is State.READY else 0, environment)
        self.memory += environment.memory_held

    def take(self, revision_id: str, tenant_id: str | None = None) -> ExecutionEnvironment | None:
        """One of this version and tenant that can serve; it is not idle any more."""
        while idle := self._by_key.get((revision_id, tenant_id)):
            environment = idle.pop()
            self._took(environment)
            if can_serve(environment):
                return environment
        return None

    def remove(self, environment: ExecutionEnvironment) -> None:
        """It is not idle any more, if it was."""
        idle = self._by_key.get(key_of(environment), [])
        if environment in idle:
            idle.remove(environment)
            self._took(environment)

    def __contains__(self, environment: ExecutionEnvironment) -> bool:
        return environment in self._by_key.get(key_of(environment), [])

    def _took(self, environment: ExecutionEnvironment) -> None:
        self.memory -= environment.memory_held
        if not self._by_key[key_of(environment)]:
            del self._by_key[key_of(environment)]

    def __iter__(self) -> Iterator[ExecutionEnvironment]:
        """All of them, also while some are removed."""
        return iter([environment for idle in self._by_key.values() for environment in idle])


def can_serve(environment: ExecutionEnvironment) -> bool:
    """Whether an environment that has no event may have one."""
    return environment.state in (State.READY, State.FAILED)


def key_of(environment: ExecutionEnvironment) -> Key:
    """For whose events it is."""
    return (environment.version.revision_id, environment.tenant_id)
