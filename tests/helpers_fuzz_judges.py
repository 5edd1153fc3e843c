"""What a damaged file that still reads must compute, said by rules that share nothing with gatec.

A judge takes what was written (a module, arrays, text) and input bits `[samples, inputs]`. It
returns the classes `[samples]` or the outputs `[samples, outputs]`; -1 for a sample, or None or any
exception for all, where it has no opinion, as when the trainer's own layers do not run either.
"""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch
from helpers_binary import cascaded, run_pynq
from helpers_frontends import gate
from torch import nn

from gatec.model import ModelGraph

Judge = Callable[[Any, np.ndarray], np.ndarray | None]


def runs(shape: tuple[int, ...], *, classes: bool, skip: int = 0) -> Judge:
    """Run the damaged module itself, without its first `skip` parts."""

    def judge(net: Any, bits: np.ndarray) -> np.ndarray | None:
        body = nn.Sequential(*list(net)[skip:]) if skip else net
        with torch.no_grad():
            found = body(torch.from_numpy(bits).float().reshape(-1, *shape)).flatten(1).numpy()
        if not np.isfinite(found).all():
            return None
        return found.argmax(1) if classes else _bits(found)

    return judge


def loads(net: nn.Module, shape: tuple[int, ...], *, classes: bool, bits: int = 0) -> Judge:
    """Load the damaged arrays into the trainer's layers; with `bits`, these are whole numbers.

    `bits` is the width of a number between 0 and 1, lowest bit first.
    """
    run = runs(shape, classes=classes)

    def judge(arrays: Mapping[str, np.ndarray], x: np.ndarray) -> np.ndarray | None:
        loaded = copy.deepcopy(net)
        tensors = {k: torch.from_numpy(np.ascontiguousarray(v)) for k, v in arrays.items()}
        loaded.load_state_dict(tensors)
        if bits:
            x = x.reshape(len(x), -1, bits) @ (1 << np.arange(bits)) / ((1 << bits) - 1)
            x = x.astype(np.float32)
        return run(loaded, x)

    return judge


def built(
    make: Mapping[str, Callable[..., nn.Module]], state: Mapping[str, torch.Tensor],
    shape: tuple[int, ...],
) -> Judge:  # fmt: skip
    """Make the layers of an architecture file, a JSON list, and load tensors into them.

    `make` takes the arguments by the names of the classes.
    """

    def judge(text: bytes, bits: np.ndarray) -> np.ndarray | None:
        entries = [next(iter(entry.items())) for entry in json.loads(text)]
        net = nn.Sequential(*(make[name](**arguments) for name, arguments in entries))
        net.load_state_dict(state)
        return runs(shape, classes=entries[-1][0] == "GroupSum")(net, bits)

    return judge


def _bits(found: np.ndarray) -> np.ndarray | None:
    return found.astype(np.uint8) if np.isin(found, (0, 1)).all() else None


def gate_lists(arrays: Mapping[str, np.ndarray], bits: np.ndarray) -> np.ndarray:
    """Four classes of gates by difflogic's numbers."""
    x = torch.from_numpy(bits)
    for layer, kinds in enumerate(arrays["gate_types"]):
        a, b = (x[:, arrays[f"connections.{side}"][layer]] for side in "AB")
        x = torch.stack([gate(a[:, i], b[:, i], int(kind)) for i, kind in enumerate(kinds)], 1)
    return x.reshape(len(x), 4, -1).sum(2).numpy().argmax(1)


def few_best(arrays: Mapping[str, np.ndarray], bits: np.ndarray) -> np.ndarray:
    """One layer of LILogicNet: the best of each pin's few candidates, the best of 16 gates."""
    scores, candidates = arrays["layers.0.top_c"], arrays["layers.0.top_indices"]
    if scores.shape != candidates.shape or not _finite(scores, arrays["layers.1.w"]):
        raise ValueError("not a layer")
    x = torch.from_numpy(bits)[:, candidates[scores.argmax(0), np.arange(scores.shape[1])]]
    kinds = arrays["layers.1.w"].argmax(0)
    columns = [gate(x[:, 2 * g], x[:, 2 * g + 1], int(kind)) for g, kind in enumerate(kinds)]
    return torch.stack(columns, 1).numpy()


def llnn(fanin: np.ndarray) -> Judge:
    """One layer of LLNN: a row is 1 where its weight is above its complement's."""

    def judge(arrays: Mapping[str, np.ndarray], bits: np.ndarray) -> np.ndarray:
        weights, others = arrays["0.w"], arrays["0.w_comp"]
        if weights.shape != others.shape or not _finite(weights, others):
            raise ValueError("not a layer")
        place = bits[:, fanin] @ (1 << np.arange(fanin.shape[1])[::-1])
        return (weights > others)[np.arange(len(fanin)), place].astype(np.uint8)

    return judge


def _finite(*arrays: np.ndarray) -> bool:
    return all(np.isfinite(array).all() for array in arrays)


def threshold_gates(arrays: Mapping[str, np.ndarray], bits: np.ndarray) -> np.ndarray:
    """Two layers of neurons, in classes."""
    for i in range(2):
        weights, levels = (arrays[f"layers.{i}.threshold.{key}"] for key in ("weights", "levels"))
        if levels.shape != (len(weights), 1, 1):
            raise ValueError("several thresholds")
        bits = (bits.astype(int) @ weights.T >= levels.reshape(-1)).astype(np.uint8)
    return bits.reshape(len(bits), int(arrays["classes"]), -1).sum(2).argmax(1)


def neutral(arrays: Mapping[str, np.ndarray], bits: np.ndarray) -> np.ndarray:
    """Layers of LUTs, then nothing, a codebook, or state bits: the outputs of the third step."""
    if "codebook" in arrays:
        found = _layers(arrays, bits)
        votes = found.shape[1] // arrays["codebook"].shape[1]
        return (found[:, None] != np.repeat(arrays["codebook"], votes, 1)).sum(2).argmin(1)
    if "state" not in arrays:
        return _layers(arrays, bits)
    own, count = int(arrays["inputs"]), int(arrays["state"])
    state = np.zeros((len(bits), count), dtype=np.uint8)
    for step in range(3):
        out = _layers(arrays, np.hstack([bits[:, step * own : (step + 1) * own], state]))
        places = arrays["next_state"]
        state, rest = out[:, places], np.setdiff1d(np.arange(out.shape[1]), places)
    return out[:, rest]


def _layers(arrays: Mapping[str, np.ndarray], bits: np.ndarray) -> np.ndarray:
    for i in range(sum(key.endswith(".fanin") for key in arrays)):
        fanin, tables = arrays[f"layers.{i}.fanin"], arrays[f"layers.{i}.tables"]
        if tables.shape != (len(fanin), 1 << fanin.shape[1]):
            raise ValueError("not a layer")
        place = bits[:, fanin] @ (1 << np.arange(fanin.shape[1])[::-1])
        bits = (tables != 0)[np.arange(len(fanin)), place].astype(np.uint8)
    return bits


def pynq(arrays: Mapping[str, np.ndarray], bits: np.ndarray) -> np.ndarray:
    """Count by NumPy; neurons at the end that are never 1 are padding, which gatec leaves out."""
    found = run_pynq(dict(arrays), bits)
    last = max(int(key[1:].split("_")[0]) for key in arrays if key.endswith("_shape"))
    levels, inputs = arrays[f"L{last}_threshold"], int(arrays[f"L{last}_shape"][1])
    ever = np.flatnonzero(levels < inputs)
    return found[:, : ever[-1] + 1]


def responses(model: Any, bits: np.ndarray) -> np.ndarray:
    """Ask the Bloom filters of the damaged model itself."""
    found: np.ndarray = model.responses(bits)
    return found.argmax(1)


def cascade(nets: Mapping[str, ModelGraph]) -> Judge:
    """Ask the nets one by one; `nets` by the names of their files."""

    def judge(text: bytes, bits: np.ndarray) -> np.ndarray | None:
        said = json.loads(text)["cascade"]
        if type(said["margin"]) is not int:
            return None
        small, large = (nets[said[key]["file"]] for key in ("small", "large"))
        return cascaded(small, large, bits, said["margin"])[0]

    return judge


def truth(text: bytes, bits: np.ndarray) -> np.ndarray:
    """A line for each output; the first character is for all inputs at 1."""
    lines = text.decode("ascii").split("\n")
    tables = [[int(c, 2) for c in line.strip()][::-1] for line in lines if line.strip()]
    if {len(table) for table in tables} != {1 << bits.shape[1]}:
        raise ValueError("not tables of these inputs")
    place = bits @ (1 << np.arange(bits.shape[1]))
    return np.array(tables)[:, place].T


def pla(text: bytes, bits: np.ndarray) -> np.ndarray | None:
    """Cubes of type fd or f: an output is 1 where a cube with a 1 for it holds."""
    out: np.ndarray | None = None
    for line in text.decode("ascii").split("\n"):
        words = line.partition("#")[0].split()
        if not words:
            continue
        if words[0] == ".e":
            break
        if words[0] == ".o":
            out = np.zeros((len(bits), int(words[1])), dtype=np.uint8)
        elif words[0] == ".type" and words[1] not in ("fd", "f"):
            return None
        elif not words[0].startswith("."):
            joined = "".join(words)
            if out is None or len(joined) != bits.shape[1] + out.shape[1]:
                return None
            cube, ones = joined[: bits.shape[1]], joined[bits.shape[1] :]
            holds = np.ones(len(bits), dtype=bool)
            for j, c in enumerate(cube):
                holds &= {"0": bits[:, j] == 0, "1": bits[:, j] == 1, "-": True}[c]
            for j, c in enumerate(ones):
                if c == "1":
                    out[holds, j] = 1
                elif c not in "0-":
                    return None
    return out


_BENCH = {
    "AND": np.logical_and.reduce, "OR": np.logical_or.reduce, "XOR": np.logical_xor.reduce,
    "BUFF": np.logical_and.reduce, "BUF": np.logical_and.reduce,
}  # fmt: skip
_INVERTED = {"NAND": "AND", "NOR": "OR", "XNOR": "XOR", "NOT": "BUFF", "INV": "BUFF"}


def bench(text: bytes, bits: np.ndarray) -> np.ndarray:
    """Statements of ISCAS' `.bench`, with LUTs whose table's lowest bit is for all inputs at 0."""
    lines = [line.partition("#")[0].strip() for line in text.decode("ascii").split("\n")]
    ports: dict[str, list[str]] = {"INPUT": [], "OUTPUT": []}
    gates = {}
    for line in filter(None, lines):
        if found := re.fullmatch(r"(INPUT|OUTPUT)\s*\(\s*([^\s(),=]+)\s*\)", line):
            ports[found[1]].append(found[2])
            continue
        found = re.fullmatch(r"([^\s(),=]+)\s*=\s*(\w+)\s*(0x\w+)?\s*\(([^()]*)\)", line)
        if found is None or found[1] in gates:
            raise ValueError(line)
        gates[found[1]] = (found[2].upper(), found[3], [s.strip() for s in found[4].split(",")])
    if len(set(ports["INPUT"])) != len(ports["INPUT"]) or set(ports["INPUT"]) & set(gates):
        raise ValueError("driven twice")

    def value(name: str) -> np.ndarray:
        if name in ports["INPUT"]:
            return bits[:, ports["INPUT"].index(name)].astype(bool)
        kind, table, reads = gates[name]
        values = np.array([value(one) for one in reads])
        if kind == "LUT":
            place = (1 << np.arange(len(reads))) @ values
            return (int(table, 16) >> place.astype(object) & 1).astype(bool)
        result = _BENCH[_INVERTED.get(kind, kind)](values)
        return ~result if kind in _INVERTED else result

    return np.stack([value(name) for name in ports["OUTPUT"]], 1).astype(np.uint8)
