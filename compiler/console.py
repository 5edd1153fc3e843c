"""What a person sees while gatec works: a spinner on a terminal, plain lines elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console as RichConsole


class Progress:
    """Reports steps. This base class says nothing, which is what `--quiet` and the API use."""

    @contextmanager
    def step(self, title: str) -> Iterator[None]:
        """Show `title` while the body runs, and how long it took when it is done."""
        yield

    @contextmanager
    def bar(self, title: str, total: int | None) -> Iterator[Callable[[int], None]]:
        """Show how far the body is: it calls what it gets with each number of things done.

        `total` is None where only the end tells.
        """
        yield lambda _count: None

    def note(self, text: str) -> None:
        """Show one line."""


class TerminalProgress(Progress):
    """Reports steps on standard error."""

    def __init__(self) -> None:
        self._console = RichConsole(stderr=True, highlight=False, soft_wrap=True)

    @contextmanager
    def step(self, title: str) -> Iterator[None]:
        """Show `title` while the body runs, and how long it took when it is done."""
        start = time.monotonic()
        if self._console.is_terminal:
            with self._console.status(title):
                yield
        else:
            yield
        self.note(f"{title:<44} {time.monotonic() - start:6.1f} s")

    @contextmanager
    def bar(self, title: str, total: int | None) -> Iterator[Callable[[int], None]]:
        """Show a bar on a terminal, and nothing elsewhere."""
        if not self._console.is_terminal:
            with super().bar(title, total) as advance:
                yield advance
            return
        from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
        from rich.progress import Progress as RichProgress

        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
        with RichProgress(
            *columns, TimeRemainingColumn(), console=self._console, transient=True
        ) as shown:
            task = shown.add_task(title, total=total)
            yield lambda count: shown.update(task, advance=count)

    def note(self, text: str) -> None:
        """Show one line."""
        self._console.print(text, markup=False)
        sys.stderr.flush()
