"""`ondol completion`: scripts that let a shell complete commands and options."""

from __future__ import annotations

from typing import Literal

from ondol.cli.listing import print_text


def completion(shell: Literal["bash", "zsh", "fish"], /) -> None:
    """Print the script that lets a shell complete commands and options.

    Parameters
    ----------
    shell:
        bash: put `eval "$(ondol completion bash)"` into ~/.bashrc. zsh: save it as _ondol in a folder of $fpath.
        fish: save it as ~/.config/fish/completions/ondol.fish.
    """
    from ondol.cli.main import app

    print_text(app.generate_completion(prog_name="ondol", shell=shell))
