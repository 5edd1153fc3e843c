"""200 mutants of emitted text: each is refused, computes something else, or is harmless.

A mutant that reads back as the same function must be harmless. That is judged by others than the
reader: a changed stage by all 4,096 input vectors, a changed shell by simulation under traffic.
"""

from __future__ import annotations

import re
from collections.abc import Callable

import numpy as np
import pytest
from helpers import require
from helpers_backends import every_input, random_staged, reference, run_rtl, same_function

from gatec.backends.readback.core import read_back
from gatec.backends.verilog import Emitted, emit
from gatec.errors import DifferentError
from gatec.sim.rtl import Traffic

Mutate = Callable[[np.random.Generator, str], str]

NET = random_staged(11, gates=50, outputs=16)
EMITTED = {
    "whole": emit(NET, style="ice40"),
    "serial": emit(NET, style="ice40", beat_bits=5, out_beat_bits=2),
    "generic": emit(NET, style="generic"),
}
_TOKEN = re.compile(r"\d+'h[0-9a-f]+|\w+|[~&|?]|==|!=|[<>]=")


def _pick(rng: np.random.Generator, found: list[re.Match[str]]) -> re.Match[str]:
    return found[int(rng.integers(len(found)))]


def _replace(text: str, at: re.Match[str], new: str) -> str:
    return text[: at.start()] + new + text[at.end() :]


def flip_init(rng: np.random.Generator, text: str) -> str:
    """Flip one bit of one LUT."""
    at = _pick(rng, list(re.finditer(r"(?<=16'h)[0-9a-f]{4}", text)))
    return _replace(text, at, f"{int(at[0], 16) ^ 1 << int(rng.integers(16)):04x}")


def other_net(rng: np.random.Generator, text: str) -> str:
    """Let a gate or an output of a stage read another net of the same stage."""
    module = _pick(rng, list(re.finditer(r"module \w+_stage.*?endmodule", text, re.DOTALL)))
    declared = re.findall(r"wire (\w+)", module[0].split(");", 1)[1])
    reads = re.finditer(r"(?<=\()[nx]\d+(?=\))|(?<== )[nx]\d+(?=;)|[nx]\d+(?= [&|^?])", module[0])
    at = _pick(rng, list(reads))
    return _replace(text, module, _replace(module[0], at, str(rng.choice(declared))))


def other_operator(rng: np.random.Generator, text: str) -> str:
    """Turn one operator of a stage's expression into another."""
    body = text.index("_stage0 (\n  input")
    at = _pick(rng, [m for m in re.finditer(r" [&|^] ", text) if m.start() > body])
    return _replace(text, at, str(rng.choice([" & ", " | ", " ^ "])))


def shell_token(rng: np.random.Generator, text: str) -> str:
    """Put another token of the shell in the place of one."""
    start, end = re.search(r"^module.*?^endmodule", text, re.DOTALL | re.MULTILINE).span()
    tokens = [m for m in _TOKEN.finditer(text) if start <= m.start() < end]
    at, other = _pick(rng, tokens), _pick(rng, tokens)
    return _replace(text, at, other[0])


def delete_line(rng: np.random.Generator, text: str) -> str:
    """Delete a line of the shell."""
    end = text.index("endmodule")
    lines = [m for m in re.finditer(r"^  .*\n", text, re.MULTILINE) if m.end() <= end]
    return _replace(text, _pick(rng, lines), "")


def bypass_rank(rng: np.random.Generator, text: str) -> str:
    """Turn a register rank into wires."""
    number = int(rng.integers(2))
    width = EMITTED["whole"].shape.rank_bits[number]
    text = re.sub(rf"  reg (\[\d+:0\]) rank{number} = \S+;\n", rf"  wire \1 rank{number};\n", text)
    register = rf"  always @\(posedge clk\)\n    if \(advance\) rank{number} <= (\w+);\n"
    assert width
    return re.sub(register, rf"  assign rank{number} = \1;\n", text)


CASES: list[tuple[Mutate, str, int]] = [
    (flip_init, "whole", 30),
    (other_net, "whole", 25),
    (other_net, "generic", 15),
    (other_operator, "generic", 15),
    (shell_token, "whole", 45),
    (shell_token, "serial", 45),
    (delete_line, "whole", 10),
    (delete_line, "serial", 13),
    (bypass_rank, "whole", 2),
]


def test_there_are_200() -> None:
    assert sum(count for _, _, count in CASES) == 200


def harmless(emitted: Emitted, mutant: str) -> bool:
    """Return whether a changed shell behaves like the original, as Icarus sees it."""
    samples = np.random.default_rng(0).integers(0, 2, (60, NET.num_inputs), dtype=np.uint8)
    expected = reference(NET, samples)
    for traffic in (Traffic(), Traffic(0.3, 0.5, seed=1), Traffic(0.2, 0.2, 31, seed=2)):
        result = run_rtl(emitted, samples, traffic, text=mutant)
        if not np.array_equal(result.outputs, expected) or result.latency != emitted.latency:
            return False
    return True


@pytest.mark.parametrize(("mutate", "which", "count"), CASES)
def test_mutants(mutate: Mutate, which: str, count: int) -> None:
    require("iverilog")
    emitted = EMITTED[which]
    rng = np.random.default_rng([count, len(emitted.text)])
    refused = changed = 0
    for number in range(count):
        mutant = emitted.text
        while mutant == emitted.text:
            mutant = mutate(rng, emitted.text)
        try:
            back = read_back(mutant, emitted.shape)
        except DifferentError:
            refused += 1
            continue
        if not same_function(NET, back.netlist):
            changed += 1
        elif mutate in (shell_token, delete_line, bypass_rank):
            assert harmless(emitted, mutant), f"mutant {number} of {mutate.__name__}"
    print(f"{mutate.__name__} on {which}: {refused} refused, {changed} changed, of {count}")
    assert refused + changed >= count // 3


def test_the_judge_sees_faults() -> None:
    """The simulation that acquits mutants convicts one with a broken enable."""
    require("iverilog")
    emitted = EMITTED["whole"]
    broken = emitted.text.replace("if (advance) rank0", "if (accept) rank0")
    assert not harmless(emitted, broken)
    assert len(every_input(NET.num_inputs)) == 4096
