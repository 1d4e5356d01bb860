"""Whether functions can be let out: the setting egress."""

from __future__ import annotations

from lambdad.launcher.findings import commands
from lambdad.launcher.findings.finding import Finding, ok, weaker
from lambdad.launcher.probes.machine import Machine


def egress(machine: Machine) -> list[Finding]:
    """What `lambdad serve --egress internet` needs; nothing where there are no namespaces."""
    if machine.kernel.system != "Linux":
        return []
    absent = [package for package, path in machine.egress.programs.items() if path is None]
    if absent:
        return [
            weaker(
                "egress",
                f"no {' and no '.join(absent)}",
                "Without, no function can reach the internet (--egress).",
                commands.install(machine, *absent),
            )
        ]
    if machine.egress.tun_error:
        return [
            weaker(
                "egress",
                machine.egress.tun_error,
                "slirp4netns makes its interface by that device; no function can reach the "
                "internet (--egress) without it.",
            )
        ]
    return [ok("egress", "slirp4netns and nftables are installed")]
