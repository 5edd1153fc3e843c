"""How often results are wanted: what the options ask for, and what the beats allow."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from gatec.errors import UsageError
from gatec.netlist import Netlist
from gatec.options import CompileOptions

if TYPE_CHECKING:
    from gatec.flows.base import Flow


@dataclass(frozen=True)
class Wanted:
    """How often results are wanted.

    Attributes
    ----------
    beat_bits
        Widths of the beats, in and out.
    beats
        Beats of a vector on each side.
    interval
        Cycles from vector to vector.
    """

    beat_bits: tuple[int, int]
    beats: tuple[int, int]
    interval: int


def asked_interval(net: Netlist, flow: Flow, options: CompileOptions) -> Wanted:
    """Return the interval that the options ask for: what the beats take where they do not.

    Raises `UsageError` at one that the beats do not allow.
    """
    bits_in, bits_out = net.inputs[0].width, net.num_outputs
    beat_in, beat_out = flow.beats(net)
    widths = (beat_in or bits_in, beat_out or bits_out)
    beats = (-(-bits_in // widths[0]), -(-bits_out // widths[1]))
    least = max(beats) if options.flow_control == "credits" else sum(beats) - 1
    interval = flow.interval(least)
    if interval < least:
        raise UsageError(
            f"--interval {interval}: a vector has {beats[0]} beat(s) in and {beats[1]} out",
            expected=f"at least {least}, or wider beats",
        )
    return Wanted(widths, beats, interval)
