"""What a netlist must be: each invariant, broken, is named."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from gatec.netlist import Netlist, NetlistError, Port, make_ports
from gatec.tables import AND2, XOR2


def two_gates() -> Netlist:
    """Return `(a ^ b) & c`, in two stages; inputs are nets 2 to 4, gates 5 and 6."""
    return Netlist(
        "two",
        make_ports(("x", 3)),
        (Port("y", np.array([6], dtype=np.int32)),),
        np.array([[2, 3], [5, 4]], dtype=np.int32),
        np.array([XOR2, AND2], dtype=np.uint64),
        stage=np.array([0, 1], dtype=np.int32),
    )


def test_a_netlist_in_order_is_one_block_for_each_level() -> None:
    net = two_gates()
    net.verify()
    assert net.blocks == [(0, 1), (1, 2)]


@pytest.mark.parametrize("fanin", [[[5, 3], [5, 4]], [[6, 3], [5, 4]], [[2, 3], [6, 4]]])
def test_gates_that_do_not_read_only_gates_before_them_have_no_blocks(fanin: list[Any]) -> None:
    net = two_gates().replace(fanin=np.array(fanin, dtype=np.int32))
    with pytest.raises(NetlistError, match="reads"):
        net.verify()
    with pytest.raises(NetlistError, match="reads itself or a gate behind it"):
        _ = net.blocks


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"stage": np.array([1, 0], dtype=np.int32)}, "gate 1 reads a later stage"),
        ({"stage": np.array([-1, 0], dtype=np.int32)}, "negative stage"),
        ({"stage": np.zeros(3, dtype=np.int32)}, "3 stages for 2 gates"),
        ({"outputs": (Port("y", np.array([7], dtype=np.int32)),)}, "is net 7"),
        ({"outputs": (Port("x", np.array([6], dtype=np.int32)),)}, "two ports have one name"),
        ({"inputs": make_ports(("x", 2))}, "is net 6"),
        ({"tables": np.array([XOR2] * 3, dtype=np.uint64)}, "3 tables for 2 gates"),
        ({"fanin": np.array([[2], [5]], dtype=np.int32)}, "a table reads slot 1"),
    ],
)
def test_each_broken_invariant_is_named(change: dict[str, Any], message: str) -> None:
    with pytest.raises(NetlistError, match=message):
        two_gates().replace(**change).verify()
