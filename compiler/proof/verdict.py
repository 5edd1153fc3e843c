"""What a proof can end with."""

from __future__ import annotations

import enum
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt


class Verdict(enum.Enum):
    """The four ends of an equivalence check. None of them is a truth value: compare with `is`."""

    EQUIVALENT = "equivalent"
    DIFFERENT = "different"
    UNDECIDED = "undecided"
    TIMEOUT = "timeout"

    def __bool__(self) -> bool:
        raise TypeError("a verdict has four values: compare it with Verdict.EQUIVALENT")


@dataclass(frozen=True)
class Counterexample:
    """An input for which two circuits differ.

    Attributes
    ----------
    inputs
        `uint8[num_inputs]` of 0/1.
    output
        The first output bit that differs.
    expected, found
        Its value in the reference and in the circuit under test.
    """

    inputs: npt.NDArray[np.uint8]
    output: int
    expected: int
    found: int

    def __str__(self) -> str:
        bits = "".join(str(int(bit)) for bit in self.inputs[::-1])
        value = f"{int(bits or '0', 2):x}"
        return (
            f"input vector 0x{value} gives output bit {self.output} = {self.found} "
            f"instead of {self.expected}"
        )


@dataclass(frozen=True)
class Proof:
    """A verdict with what supports it.

    Attributes
    ----------
    verdict
        How the check ended.
    method
        The steps taken, for the manifest.
    counterexample
        With `DIFFERENT`: a re-simulated witness.
    """

    verdict: Verdict
    method: str
    counterexample: Counterexample | None = None
