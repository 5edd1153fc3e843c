"""Which flow an option set asks for."""

from __future__ import annotations

from gatec.backends.family import FAMILIES
from gatec.errors import UsageError
from gatec.flow import Flow, GenericFlow
from gatec.flow_asic import AsicFlow
from gatec.flow_board import BoardFlow
from gatec.flow_ice40 import Ice40Flow
from gatec.flow_vendor import VendorFlow
from gatec.options import CompileOptions
from gatec.targets import find_target


def choose_flow(options: CompileOptions) -> Flow:
    """Return the flow of `options.target`; raise `UsageError` for options it does not know."""
    target = find_target(options.target)
    if target.name in FAMILIES:
        if options.board is not None:
            raise UsageError(f"--board with target {target.name}", expected="no such option")
        return _checked(VendorFlow(target, options))
    if target.devices:
        return _checked((BoardFlow if options.board else Ice40Flow)(target, options))
    for name in ("device", "package", "board"):
        if getattr(options, name) is not None:
            raise UsageError(f"--{name} with target {target.name}", expected="no such option")
    return _checked((AsicFlow if target.name == "asic" else GenericFlow)(target, options))


def _checked(flow: Flow) -> Flow:
    """Return the flow after all its options were looked at: errors come before the work."""
    flow.check()
    return flow
