"""How commands end and what they show on their way."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import Any, ParamSpec, TypeVar

import click
from sqlalchemy.exc import OperationalError, ProgrammingError

from ..config import BadSetting
from ..kernel.errors import DomainError

P = ParamSpec("P")
R = TypeVar("R")


class Failure(click.ClickException):
    """A failure told in one line; exit code 1."""

    def show(self, file: Any = None) -> None:
        """Write the line to standard error."""
        click.echo(f"flask: {' '.join(self.format_message().split())}", err=True, file=file)


def told(command: Callable[P, R]) -> Callable[P, R]:
    """Let a command fail with one line and exit code 1 where what went wrong can be told."""

    @wraps(command)
    def run(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return command(*args, **kwargs)
        except DomainError as error:
            raise Failure(error.message) from error
        except BadSetting as error:
            raise Failure(str(error)) from error
        except (OperationalError, ProgrammingError) as error:
            raise Failure(f"The database can't be used: {str(error.orig).splitlines()[0]}") from error
        except BrokenPipeError:
            # Whoever read our output has enough (`| head`): nothing is wrong.
            sys.stderr.close()
            raise SystemExit(0) from None
        except OSError as error:
            raise Failure(f"{error.strerror or type(error).__name__}: {error.filename or error}") from error

    return run


def write_line(row: dict[str, Any]) -> None:
    """Write one JSON line to standard output, at once."""
    click.echo(json.dumps(row, ensure_ascii=False, default=str))


def on_terminal() -> bool:
    """Whether a person looks at standard output."""
    return sys.stdout.isatty()


@contextmanager
def progress(total: int, unit: str, label: str) -> Iterator[Callable[[int, int], None]]:
    """A bar on a terminal, JSON Lines (`{"progress", "done", "total"}`) on a pipe, both on standard error.

    Gives `show(done, total)`; JSON lines come once for each whole percent.
    """
    if sys.stderr.isatty():
        from tqdm import tqdm

        with tqdm(total=total, unit=unit, unit_scale=True, desc=label, file=sys.stderr, leave=False) as bar:

            def draw(done: int, total: int) -> None:
                bar.total = total
                bar.update(done - bar.n)

            yield draw
        return
    said = -1

    def line(done: int, total: int) -> None:
        nonlocal said
        percent = 100 * done // total if total else 100
        if percent > said:
            said = percent
            row = {"progress": label, "done": done, "total": total}
            click.echo(json.dumps(row, ensure_ascii=False), err=True)

    yield line
