"""The command line: groups the commands and turns every ending into an exit code."""

from __future__ import annotations

import errno
import gc
import os
import shlex
import signal
import sys
import tempfile
import traceback
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path

import click

from gatec.backends.fpga.fit import DoesNotFit
from gatec.errors import EXIT_BUG, EXIT_OK, GatecError, LimitError, UsageError
from gatec.report import fit_lines

EXIT_CODES = """\b
Exit codes:
  0  done (compile, verify: and proved)
  1  a bug of gatec: please report it with the file it names
  2  wrong usage, or an output that cannot be written
  3  a broken, unknown or incomplete model or data file
  4  not proved within the budget
  5  proved different from the model
  6  a tool is missing or failed
  7  over a limit, or does not fit the device
"""
# As shells count them: 128 and the signal's number.
_INTERRUPTED = 130
_BROKEN_PIPE = 141

# Of `gatec.commands`, by name: module and function.
_COMMANDS = {
    "boards": ("boards", "boards"),
    "compile": ("compile", "compile_command"),
    "flash": ("flash", "flash"),
    "inspect": ("inspect", "inspect"),
    "sim": ("sim", "sim"),
    "synth": ("synth", "synth"),
    "targets": ("boards", "targets"),
    "verify": ("verify", "verify"),
}


class _Commands(click.Group):
    """Commands, imported when they are asked for: `compile` starts a tenth of a second sooner."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _COMMANDS:
            return None
        module, function = _COMMANDS[cmd_name]
        command: click.Command = getattr(import_module(f"gatec.commands.{module}"), function)
        return command


@click.group(
    cls=_Commands,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog=EXIT_CODES,
)
@click.version_option(package_name="gatec")
def cli() -> None:
    """Compile trained gate nets to small, proved circuits.

    \b
    gatec compile demo:digits --target ice40 --device up5k -o build/digits
    gatec sim demo:digits --data demo:digits-test
    """


# New objects between two looks for garbage: 300 times what Python starts with.
_COLLECT_AFTER = 200_000


def main(arguments: Sequence[str] | None = None) -> None:
    """Run `gatec` and exit. Being terminated is like Ctrl-C: running tools are ended too."""
    collect_rarely()
    signal.signal(signal.SIGTERM, _interrupt)
    sys.exit(run(sys.argv[1:] if arguments is None else arguments))


def collect_rarely() -> None:
    """Let Python look for garbage less often, for a process that is gatec's own.

    Netlists are arrays and text in many pieces, nearly all of it freed without: on a net of 100,000
    gates that saves 0.2 of 3.5 seconds. Imported as a library, gatec leaves that to the program.
    """
    gc.set_threshold(_COLLECT_AFTER, *gc.get_threshold()[1:])


def _interrupt(_number: int, _frame: object) -> None:
    raise KeyboardInterrupt


def run(arguments: Sequence[str]) -> int:  # noqa: PLR0911  one return for each way to end
    """Run one command and return its exit code.

    Of an error one line is printed; a design that does not fit gets the table of its resources too.
    """
    try:
        cli.main(list(arguments), prog_name="gatec", standalone_mode=False)
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message(), err=True)
        return UsageError.exit_code
    except click.ClickException as error:
        return _complain(error.format_message(), UsageError.exit_code)
    except GatecError as error:
        table = fit_lines(error.table) if isinstance(error, DoesNotFit) else []
        return _complain(str(error), error.exit_code, *table)
    except (click.Abort, KeyboardInterrupt):
        return _complain("interrupted", _INTERRUPTED)
    except BrokenPipeError:
        # The reader of our output went away; Python must not try to flush to it at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return _BROKEN_PIPE
    except MemoryError:
        return _complain("out of memory", LimitError.exit_code)
    except Exception as error:  # noqa: BLE001  anything else is reported as a bug of gatec
        if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EBADF):
            return _complain(f"cannot write: {error.strerror}", UsageError.exit_code)
        return _complain(f"a bug of gatec: please report {_write_report(arguments)}", EXIT_BUG)
    return EXIT_OK


def _complain(message: str, code: int, *more: str) -> int:
    line = " ".join(message.split())
    print(f"gatec: {line}", *more, sep="\n", file=sys.stderr)
    return code


def _write_report(arguments: Sequence[str]) -> Path:
    """Write what is needed to reproduce a bug; return the file."""
    text = f"gatec {shlex.join(arguments)}\n\n{traceback.format_exc()}"
    print(text, file=sys.stderr)
    with tempfile.NamedTemporaryFile("w", prefix="gatec-bug-", suffix=".txt", delete=False) as file:
        file.write(text)
    return Path(file.name)
