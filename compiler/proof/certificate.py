"""The certificate of an equivalence: CNF files with DRAT and LRAT proofs, and how they compose.

The sweep's derivation is trimmed to what the outputs need and cut into *obligations*. Each is a CNF
that cannot be satisfied, with its proof:

- clauses of gates: each follows from the truth table of one gate of one of the two netlists;
- assumed clauses: each was proved by an earlier obligation;
- the negation of the clauses that the obligation proves: variable d of each implies that it is
  false, and one clause says that some d is true.

So a clause that an obligation proves holds in every evaluation of the two netlists on one input,
and the clauses of all obligations together say that each output of the one implies that of the
other and the reverse. `gatec.proof.check_certificate` checks exactly that and shares no code with
this module; any DRAT or LRAT checker checks the obligations.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from gatec.blif import write_blif
from gatec.netlist import Netlist
from gatec.proof.clauses import TRUE, Kind, literal_of, union
from gatec.proof.obligations import split, write
from gatec.proof.sweep import Sweep
from gatec.proof.verdict import Verdict

INDEX = "proof.json"
FORMAT = "gatec certificate 1"
REFERENCE = "proof_reference.blif"
CIRCUIT = "proof_circuit.blif"
# Derived clauses of one obligation, about: a forward DRAT checker's time grows faster than linearly
# with it.
_OBLIGATION = 20_000


@dataclass(frozen=True)
class Certificate:
    """The outcome of certifying.

    Attributes
    ----------
    verdict
        `EQUIVALENT` with files, else `UNDECIDED` (the sweep did not merge all outputs) or `TIMEOUT`
        without. It says nothing against the circuit: whether two netlists differ is not asked here.
    files
        By name: the index, the two netlists, and a `.cnf`, `.drat` and `.lrat` of each obligation.
    facts
        What was done, in numbers.
    """

    verdict: Verdict
    files: dict[str, bytes]
    facts: dict[str, int]

    def summary(self) -> dict[str, Any]:
        """Return verdict and facts, for the manifest."""
        return {"verdict": self.verdict.value, **self.facts}


def certify(reference: Netlist, circuit: Netlist, seconds: float) -> Certificate:
    """Return a certificate that two combinational netlists are equal, output for output.

    Parameters
    ----------
    seconds
        Budget for the sweep.
    """
    deadline = time.monotonic() + seconds
    both = union(reference, circuit)
    sweep = Sweep(both, reference.num_nets)
    if not sweep.run(deadline):
        return Certificate(Verdict.TIMEOUT, {}, {})
    pairs = [
        (literal_of(a), literal_of(b))
        for a, b in zip(*(port.nets.tolist() for port in both.outputs), strict=True)
    ]
    claims = _output_claims(sweep, pairs)
    if claims is None:
        return Certificate(Verdict.UNDECIDED, {}, {})
    return _written(reference, circuit, sweep, claims, pairs)


def _output_claims(sweep: Sweep, pairs: Iterable[tuple[int, int]]) -> list[int] | None:
    """Return the clauses that each output of the one implies that of the other and the reverse.

    None when the sweep did not merge some pair.
    """
    claims = []
    for pair in pairs:
        one, other = (
            sweep.merged.representative[abs(literal)] if literal > TRUE else literal
            for literal in pair
        )
        if one != other:
            return None
        for a, b in (pair, pair[::-1]):
            literals = {-a, b} - {-TRUE}
            if a == b or TRUE in literals:
                continue
            hints = [
                sweep.merged.equal[literal][side]
                for literal, side in ((a, 0), (b, 1))
                if literal in sweep.merged.equal
            ]
            reasons = [hint for hint in hints if hint is not None]
            claims.append(sweep.merged.derivation.add(Kind.EQUAL, literals, reasons))
    return claims


def _written(
    reference: Netlist,
    circuit: Netlist,
    sweep: Sweep,
    claims: list[int],
    pairs: list[tuple[int, int]],
) -> Certificate:
    first_free = sweep.both.num_nets
    files = {
        REFERENCE: write_blif(reference).encode(),
        CIRCUIT: write_blif(circuit).encode(),
    }
    entries: list[dict[str, Any]] = []
    for place, part in enumerate(split(sweep.merged.derivation, claims, _OBLIGATION)):
        written = write(sweep.merged.derivation, part, first_free)
        name = f"proof_{place:03d}"
        files |= {
            f"{name}.cnf": written.cnf,
            f"{name}.drat": written.drat,
            f"{name}.lrat": written.lrat,
        }
        entries.append(
            {
                "name": name,
                "gate_clauses": written.gate_clauses,
                "assumed_clauses": written.assumed_clauses,
                "proves": written.proves,
            }
        )
    index = {
        "format": FORMAT,
        "claim": "on each input, the outputs of both netlists are equal",
        "reference": REFERENCE,
        "circuit": CIRCUIT,
        "variables": {
            "inputs": reference.first_input,
            "reference_gates": reference.first_gate,
            "circuit_gates": reference.num_nets,
            "negations": first_free,
        },
        "obligations": entries,
        "outputs": pairs,
        "files": {name: hashlib.sha256(content).hexdigest() for name, content in files.items()},
    }
    files[INDEX] = (json.dumps(index) + "\n").encode()
    facts = {
        "obligations": len(entries),
        "clauses": sum(entry["gate_clauses"] for entry in entries),
        "bytes": sum(map(len, files.values())),
    }
    return Certificate(Verdict.EQUIVALENT, files, facts)
