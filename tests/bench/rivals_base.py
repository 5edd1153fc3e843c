"""What every other simulator in `rivals.py` is: built once, loaded, run on random samples."""

from __future__ import annotations

import resource
import time
from abc import ABC, abstractmethod
from pathlib import Path

from gatec.model import ModelGraph


class Unavailable(Exception):
    """A rival that is not installed, or that did not get ready in time."""


class Rival(ABC):
    """A simulator with a net in it.

    Attributes
    ----------
    name
        As the table calls it.
    model
        The net.
    folder
        Its own, for what it builds.
    budget
        Seconds of processor time that building may take.
    prepared
        Seconds of processor time from the model in memory until it could run.
    """

    prepared: float = 0.0

    def __init__(self, name: str, model: ModelGraph, folder: Path, budget: float) -> None:
        self.name = name
        self.model = model
        self.folder = folder
        self.budget = budget

    def build(self) -> None:
        """Write to the folder what `load` takes; raises `Unavailable`."""
        self.folder.mkdir(parents=True, exist_ok=True)

    def load(self) -> None:
        """Get ready to run."""
        assert self.folder.is_dir()

    @abstractmethod
    def seconds(self, samples: int) -> float:
        """Return the seconds of processor time that a run over about `samples` samples takes."""

    def per_sample(self, samples: int) -> float:
        """Return seconds per sample of one run."""
        return self.seconds(samples) / samples


def processor_seconds() -> float:
    """Return the processor time of this process and its children so far."""
    return time.process_time() + children_seconds()


def children_seconds() -> float:
    """Return the processor time of all child processes so far."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime
