"""``cxr kit``: a folder that installs cxr on a machine without network."""

from pathlib import Path
from typing import Annotated

import typer

__all__ = ["kit"]


def kit(
    out: Annotated[Path, typer.Option(help="Folder to make; copy it to the machine.")],
    platform: Annotated[
        str, typer.Option(help="win_amd64, macosx_arm64, linux_x86_64 or linux_aarch64: what the machine is.")
    ],
    python: Annotated[
        str | None, typer.Option(metavar="X.Y", help="The machine's Python: 3.11, 3.12 or 3.13. Default: this one's.")
    ] = None,
    bundle: Annotated[
        Path | None, typer.Option(help="A bundle to take along. The shipped one is there anyway.")
    ] = None,
) -> None:
    """Make an offline installation: wheels, bundle, install script, checksums. It is made where there is a network."""
    from cxr.kit import make_kit

    size = make_kit(out, platform, python, bundle, say=lambda what: typer.echo(what, err=True))
    script = "install.bat" if platform.startswith("win") else "install.sh"
    typer.echo(f"wrote {out}: {size / 2**20:.0f} MiB; run {script} in it on the machine")
