"""How much fits: descriptors, memory, cores, and which runtimes there are."""

from __future__ import annotations

from lambdad.launcher.findings import commands
from lambdad.launcher.findings.finding import Finding, missing, ok, weaker
from lambdad.launcher.probes.machine import Machine

PER_ENVIRONMENT = 8  # descriptors that an idle environment costs the server at most
_OF_THE_SERVER = 200
_CONCURRENCY = 1_000  # what an account may run at once, unless the setting says otherwise
_WANTED = 65_536


def capacity(machine: Machine) -> list[Finding]:
    """What bounds the number of environments, whatever the sandbox."""
    return [_descriptors(machine), _memory(machine), _cores(machine), _runtimes(machine)]


def _descriptors(machine: Machine) -> Finding:
    limit = machine.resources.descriptors
    if limit is None:
        return ok("descriptors", "no limit")
    room = max(0, limit - _OF_THE_SERVER) // PER_ENVIRONMENT
    what = f"{limit:,}: room for {room:,} environments"
    if room >= _CONCURRENCY:
        return ok("descriptors", what)
    why = (
        f"An account may run {_CONCURRENCY:,} at once, and each idle environment takes up to "
        f"{PER_ENVIRONMENT} descriptors. This raises the hard limit of the shell it is typed in."
    )
    command = commands.as_root(machine, f"prlimit --pid $$ --nofile={_WANTED}:{_WANTED}")
    return weaker("descriptors", what, why, command)


def _memory(machine: Machine) -> Finding:
    resources = machine.resources
    available = (
        f", {_gigabytes(resources.available_mb)} available" if resources.available_mb else ""
    )
    return ok("memory", f"{_gigabytes(resources.memory_mb)}{available}")


def _gigabytes(megabytes: int) -> str:
    return f"{megabytes / 1024:.1f} GB"


def _cores(machine: Machine) -> Finding:
    return ok("cores", str(machine.resources.cores))


def _runtimes(machine: Machine) -> Finding:
    if not machine.interpreters:
        return missing(
            "runtimes",
            "no CPython from 3.9 to 3.14",
            "No function can run.",
            commands.install_python(machine),
        )
    versions = [each.version for each in machine.interpreters]
    others = [f"{each.name} ({each.version})" for each in machine.languages]
    return ok("runtimes", "; ".join([f"Python {', '.join(versions)}", *others]))
