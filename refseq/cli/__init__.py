"""The command line: ``refseq verify``, ``bench``, ``prove``, ``mutate``, ``experiment``, ``catalogue``,
``warm``, ``doctor``.

Exit status: 0 all passed, 1 not, 2 wrong usage.
"""

import sys
from typing import cast

import typer

from refseq import __version__
from refseq.cli.bench import bench
from refseq.cli.catalogue import catalogue
from refseq.cli.doctor import doctor
from refseq.cli.experiment import app as experiment
from refseq.cli.mutate import mutate
from refseq.cli.prove import prove
from refseq.cli.verify import verify
from refseq.cli.warm import warm

app = typer.Typer(
    name="refseq",
    help="Reference and verification suite for sequence models.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
)
app.command()(verify)
app.command()(bench)
app.command()(prove)
app.command()(mutate)
app.add_typer(experiment)
app.command()(catalogue)
app.command()(warm)
app.command()(doctor)

UsageError = cast("type[Exception]", typer.BadParameter.__mro__[1])
"""The base class of everything that is wrong usage, wherever the installed typer keeps it."""


@app.callback(invoke_without_command=True)
def _options(version: bool = typer.Option(False, "--version", help="Print the version and exit.")) -> None:
    if version:
        typer.echo(f"refseq {__version__}")
        raise typer.Exit


def main(arguments: list[str] | None = None) -> int:
    """Run the command line and return the exit status."""
    try:
        status = app(arguments, standalone_mode=False)
    except UsageError as error:
        print(f"refseq: {error.format_message()}", file=sys.stderr)  # pyright: ignore[reportAttributeAccessIssue]
        return 2
    except (KeyboardInterrupt, typer.Abort):
        print("refseq: interrupted", file=sys.stderr)
        return 130
    except BrokenPipeError:  # the reader of a pipe has gone: nothing is left to say
        sys.stderr.close()
        return 1
    except OSError as error:  # a full disk, say
        print(f"refseq: {error}", file=sys.stderr)
        return 1
    return status if isinstance(status, int) else 0
