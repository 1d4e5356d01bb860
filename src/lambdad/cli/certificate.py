"""`lambdad certificate`: write a certificate for https, its key, and the CA that clients trust."""

from __future__ import annotations

import os
import secrets
import shlex
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import click

from lambdad.cli.failure import CommandError, ExitCode
from lambdad.cli.local_certificate import (
    MadeCertificate,
    lambda_regions,
    make_certificate,
    names_of,
)
from lambdad.cli.screen import Screen

_AUTHORITY, _CHAIN, _KEY = FILES = ("ca.pem", "cert.pem", "key.pem")


@click.command("certificate")
@click.option(
    "--to",
    "directory",
    metavar="DIRECTORY",
    type=click.Path(file_okay=False, path_type=Path),
    help="Where to write it.  [default: $XDG_CONFIG_HOME/lambdad/tls or ~/.config/lambdad/tls]",
)
@click.option(
    "--host",
    "hosts",
    metavar="NAME",
    multiple=True,
    help="A further name or address that leads to the server; may be repeated.",
)
@click.option("--force", is_flag=True, help="Replace a certificate that is there.")
def command(directory: Path | None, hosts: Sequence[str], force: bool) -> None:
    """Make a local CA and a certificate for https.

    ca.pem is for clients; cert.pem and key.pem are for `lambdad serve`. The certificate is for
    localhost, the addresses of this machine's loopback, and the URLs of functions in every region.
    The key of the CA is not kept: nobody can sign anything else with it.
    """
    place = (directory or _default_directory()).absolute()
    try:
        names = names_of(hosts, lambda_regions())
    except ValueError as error:
        raise _refusal(f"{error}.") from None
    if not force and (there := [name for name in FILES if (place / name).exists()]):
        raise _refusal(f"{place} holds {', '.join(there)} already; --force replaces it.")
    made = make_certificate(names, datetime.now(UTC))
    try:
        _write(place, made)
    except OSError as error:
        raise _refusal(f"{place} cannot be written: {error.strerror}.") from None
    _show(Screen(as_json=False), place, made)


def _default_directory() -> Path:
    home = os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config"
    return Path(home) / "lambdad" / "tls"


def _write(place: Path, made: MadeCertificate) -> None:
    """Each file is the old one or the new one, whatever happens; nobody else reads the key."""
    place.mkdir(mode=0o700, parents=True, exist_ok=True)
    contents = {_KEY: made.key, _CHAIN: made.chain, _AUTHORITY: made.authority}
    for name, content in contents.items():
        draft = place / f".{name}.{secrets.token_hex(4)}"
        mode = 0o600 if name == _KEY else 0o644
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(content)
            os.replace(draft, place / name)
        except BaseException:
            draft.unlink(missing_ok=True)
            raise


def _show(screen: Screen, place: Path, made: MadeCertificate) -> None:
    authority, chain, key = (shlex.quote(str(place / name)) for name in FILES)
    commands = {
        "Serve": f"lambdad serve --tls-cert {chain} --tls-key {key}",
        "AWS clients": f"export AWS_CA_BUNDLE={authority} AWS_ENDPOINT_URL=https://localhost:4566",
        "curl": f"curl --cacert {authority} https://localhost:4566/_lambdad/health",
    }
    screen.line(f"Wrote {', '.join(FILES)} to {place}; valid until {made.expires:%Y-%m-%d}.")
    screen.line("The key of its CA is not kept: nothing else can be signed with it.")
    screen.line("")
    width = max(map(len, commands))
    for what, text in commands.items():
        screen.line(f"{what:<{width}}  {text}", style="cyan")


def _refusal(sentence: str) -> CommandError:
    return CommandError(sentence, ExitCode.USAGE)
