"""Which flow an option set asks for."""

from __future__ import annotations

from dataclasses import replace

from gatec.backends.fpga.family import FAMILIES
from gatec.devices.targets import NETLIST_TARGETS, find_target
from gatec.errors import UsageError
from gatec.flows.base import Flow, GenericFlow
from gatec.flows.ice40 import Ice40Flow
from gatec.options import CompileOptions


def choose_flow(options: CompileOptions) -> Flow:
    """Return the flow of `options.target`; raise `UsageError` for options it does not know.

    Other flows than the default target's are imported where they are asked for.
    """
    if options.board is not None:
        return _checked(_board_flow(options, options.board))
    target = find_target(options.target)
    if target.name in FAMILIES:
        from gatec.flows.vendor import VendorFlow

        return _checked(VendorFlow(target, options))
    if target.name in NETLIST_TARGETS:
        from gatec.flows.netlist import NetlistFlow

        return _checked(NetlistFlow(target, options))
    if target.devices:
        return _checked(Ice40Flow(target, options))
    for name in ("device", "package"):
        if getattr(options, name) is not None:
            raise UsageError(f"--{name} with target {target.name}", expected="no such option")
    if target.name == "asic":
        from gatec.flows.asic import AsicFlow

        return _checked(AsicFlow(target, options))
    return _checked(GenericFlow(target, options))


def _board_flow(options: CompileOptions, name: str) -> Flow:
    """Return the flow of a board; its recipe decides the target where none is asked for."""
    from gatec.boards import load_board
    from gatec.flows.board import BoardFlow, VendorBoardFlow

    board = load_board(name)
    if options.target not in (board.target, CompileOptions().target):
        raise UsageError(
            f"--target {options.target} with --board {board.name}", expected=board.target
        )
    kind = VendorBoardFlow if board.target in FAMILIES else BoardFlow
    return kind(find_target(board.target), replace(options, target=board.target))


def _checked(flow: Flow) -> Flow:
    """Return the flow after all its options were looked at: errors come before the work."""
    flow.check()
    return flow
