"""What a person sees while gatec works: a spinner on a terminal, plain lines elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console as RichConsole


class Progress:
    """Reports steps. This base class says nothing, which is what `--quiet` and the API use."""

    @contextmanager
    def step(self, title: str) -> Iterator[None]:
        """Show `title` while the body runs, and how long it took when it is done."""
        yield

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

    def note(self, text: str) -> None:
        """Show one line."""
        self._console.print(text, markup=False)
        sys.stderr.flush()
