"""`lambdad completion`: the script that teaches a shell our commands, options and functions."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

_VARIABLE = "_LAMBDAD_COMPLETE"


@click.command("completion")
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def command(context: click.Context, shell: str) -> None:
    """Print the completion script of a shell.

    \b
    bash:  lambdad completion bash > ~/.local/share/bash-completion/completions/lambdad
    zsh:   lambdad completion zsh > "${fpath[1]}/_lambdad"
    fish:  lambdad completion fish > ~/.config/fish/completions/lambdad.fish
    """
    completion_class = get_completion_class(shell)
    assert completion_class is not None  # click ships all three
    group = context.find_root().command
    click.echo(completion_class(group, {}, "lambdad", _VARIABLE).source())
