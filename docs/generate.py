"""Write docs/reference from the code, and the table of languages from what their tests found out.
`make docs` runs this; a test holds that nothing differs.
"""

from __future__ import annotations

import inspect
import json
import re
from pathlib import Path
from typing import Any

import click

from lambdad.cli.main import COMMANDS, lambdad
from lambdad.config import SETTINGS
from lambdad.gateway.models import load_service_model
from lambdad.services import iam, lambda_, logs, sts, xray
from lambdad.services.iam import support as iam_support
from lambdad.services.lambda_ import support
from lambdad.services.lambda_.unsupported import PARAMETERS
from lambdad.services.sts import support as sts_support
from lambdad.services.xray import support as xray_support

REFERENCE = Path(__file__).parent / "reference"
LANGUAGES_PAGE = Path(__file__).parent / "languages.md"
README = Path(__file__).parents[1] / "README.md"
PARTIAL = {
    "iam": iam_support.PARTIAL,
    "lambda": support.PARTIAL,
    "sts": sts_support.PARTIAL,
    "xray": xray_support.PARTIAL,
}
_NOTE = "<!-- Written by `make docs` from the code. Do not edit. -->"
_TABLE = re.compile(r"(?<=<!-- table of languages -->\n)(.*)(?=<!-- end of table -->)", re.DOTALL)


def pages() -> dict[str, str]:
    """Every generated page, by file name."""
    return {
        "settings.md": settings_page(),
        "cli.md": cli_page(),
        "operations.md": operations_page(),
    }


def settings_page() -> str:
    """One row for each setting."""
    lines = [
        *("# Settings", "", _NOTE, ""),
        "A setting is read from the flag of `lambdad serve`, else from the environment variable,",
        "else it has its default. A value that cannot work ends the start with the setting's name.",
        *("", "| Setting | Flag | Variable | Default | What it is |", "|---|---|---|---|---|"),
    ]
    for setting in SETTINGS:
        flag = f"`{setting.flag}`"
        if setting.is_switch:
            flag += f" / `--no-{setting.flag.removeprefix('--')}`"
        lines.append(
            f"| {setting.name} | {flag} | `{setting.variable}` | {setting.default} "
            f"| {setting.help} |"
        )
    return "\n".join(lines) + "\n"


def cli_page() -> str:
    """One section for each command."""
    lines = [
        *("# Command line", "", _NOTE, ""),
        *("| Exit code | Means |", "|---|---|"),
        *("| 0 | done |", "| 1 | `invoke`: the function failed |"),
        "| 2 | it cannot be done as asked: arguments, settings, a package that cannot be built; "
        "`doctor`: no sandbox isolates on this machine |",
        *("| 3 | the server refused, with an AWS error |", "| 4 | no server answered |"),
        *("| 70 | a bug of lambdad |", "| 130 | interrupted (Ctrl-C) |", ""),
        "With `--json` standard output carries one JSON document and nothing else; a failure is",
        '`{"Error": {"Code": …, "Message": …}}`. Credentials come from `AWS_ACCESS_KEY_ID` and',
        "`AWS_SECRET_ACCESS_KEY`; without them they are `test` and `test`.",
    ]
    context = click.Context(lambdad, info_name="lambdad")
    for name in COMMANDS:
        command = lambdad.get_command(context, name)
        assert command is not None
        own = click.Context(command, context, name)
        lines += ["", *_command_section(command, own)]
        for part, below in getattr(command, "commands", {}).items():
            lines += ["", *_command_section(below, click.Context(below, own, part))]
    return "\n".join(lines) + "\n"


def languages_page() -> str:
    """What the tests of languages have found out, and what they look at."""
    found = json.loads((REFERENCE / "languages.json").read_text())
    lines = [
        *("# Languages", "", _NOTE, ""),
        "A function that does the same in every language is deployed and asked, and one suite of",
        "tests says what it has to answer. `make languages` runs it, and writes what it finds.",
        *("", *languages_table(), ""),
        *("What the columns are about:", ""),
    ]
    lines += [f"- **{name}**: {about}" for name, about in found["subjects"].items()]
    return "\n".join(lines) + "\n"


def languages_table() -> list[str]:
    """One row for each language, one column for each subject, and what is missing beneath."""
    found = json.loads((REFERENCE / "languages.json").read_text())
    subjects = list(found["subjects"])
    notes: list[str] = []
    lines = [
        f"| Language | Runtimes | Runs on | {' | '.join(subjects)} |",
        f"|---|---|---|{'---|' * len(subjects)}",
    ]
    for each in found["languages"]:
        cells = [_language_cell(each["results"][subject], notes) for subject in subjects]
        about = [each["language"], each["serves"], each["stands_on"]]
        lines.append(f"| {' | '.join([*about, *cells])} |")
    return [*lines, "", *(f"{number}. {note}" for number, note in enumerate(notes, 1))]


def _language_cell(result: dict[str, Any], notes: list[str]) -> str:
    notes += [reason for reason in result["missing"] if reason not in notes]
    numbers = ", ".join(str(notes.index(reason) + 1) for reason in result["missing"])
    mark = "✓" if result["holds"] else "—"
    return f"{mark} <sup>{numbers}</sup>" if numbers else mark


def readme_with_table(readme: str) -> str:
    """The README with the table of languages as it has to be."""
    table = "\n".join(languages_table()) + "\n"
    return _TABLE.sub(lambda _: table, readme)


def supported_operations() -> dict[str, list[str]]:
    """Operations that are served, by service."""
    # The tables are made of functions that wait for their parts; no part is touched here.
    nothing: Any = None
    tables = [
        iam.operations(nothing),
        lambda_.operations(nothing),
        logs.operations(logs.Logs(nothing, nothing, nothing), nothing, nothing),
        sts.operations(nothing),
        xray.operations(nothing),
    ]
    names: dict[str, list[str]] = {}
    for service, operation in sorted(key for table in tables for key in table):
        names.setdefault(service, []).append(operation)
    return names


def operations_page() -> str:
    """Every operation of the services that are served: supported, in part, or refused."""
    lines = [
        *("# Operations", "", _NOTE, ""),
        "Supported: it does what AWS does. Partial: the reason is told. Refused: the caller gets",
        "an error that names the operation.",
    ]
    for service, supported in supported_operations().items():
        names = sorted(load_service_model(service).operation_names)
        partial = PARTIAL.get(service, {})
        whole = len(supported) - len(partial)
        lines += [
            *("", f"## {service}", ""),
            f"{whole} supported, {len(partial)} partial, {len(names) - len(supported)} refused.",
            *("", "| Operation | |", "|---|---|"),
        ]
        for name in names:
            support = "supported" if name in supported else "refused"
            if name in partial:
                support = f"partial: {partial[name]}"
            lines.append(f"| {name} | {support} |")
    lines += [
        *("", "## lambda: parameters that are refused", ""),
        "A request that asks for one of these gets InvalidParameterValueException with its name.",
        "An empty value asks for nothing and is taken.",
        "",
    ]
    lines += [f"- {name}" for name in sorted(PARAMETERS)]
    return "\n".join(lines) + "\n"


def _command_section(command: click.Command, context: click.Context) -> list[str]:
    usage = " ".join([context.command_path, *command.collect_usage_pieces(context)])
    lines = [
        f"## {command.name}",
        "",
        f"    {usage}",
        "",
        *_paragraphs(inspect.cleandoc(command.help or "")),
    ]
    lines += ["", "| Option | What it is |", "|---|---|"]
    for option in command.params:
        if isinstance(option, click.Option):
            lines.append(f"| {_spelling(option, context)} | {_escape(option.help or '')} |")
    return lines


def _paragraphs(text: str) -> list[str]:
    """The help text; what click keeps as it is becomes a code block."""
    lines: list[str] = []
    for paragraph in text.split("\n\n"):
        kept = paragraph.startswith("\b")
        body = paragraph.removeprefix("\b").strip("\n").splitlines()
        lines += [*([""] if lines else []), *(f"    {line}" if kept else line for line in body)]
    return lines


def _spelling(option: click.Option, context: click.Context) -> str:
    names = [*option.opts, *option.secondary_opts]
    value = "" if option.is_flag else f" {option.make_metavar(context)}"
    return _escape(", ".join(f"`{name}{value}`" for name in names))


def _escape(text: str) -> str:
    return text.replace("|", "\\|")


def main() -> None:
    """Write the pages."""
    REFERENCE.mkdir(exist_ok=True)
    for name, text in pages().items():
        (REFERENCE / name).write_text(text)
        print(f"docs/reference/{name}")
    LANGUAGES_PAGE.write_text(languages_page())
    README.write_text(readme_with_table(README.read_text()))
    print("docs/languages.md and the README's table of languages")


if __name__ == "__main__":
    main()
