"""Check a certificate of equivalence, without gatec.

    python check_certificate.py FOLDER [--drat]

Python's standard library is all that this file needs, and it shares no code with what writes
certificates. It reads `proof.json` in the folder, and accepts only if

1. every file has the hash that the index names;
2. every obligation's CNF consists of clauses that follow from one gate of `proof_reference.blif` or
   `proof_circuit.blif`, of clauses that an earlier obligation proved, and of the negation of the
   clauses that it proves itself;
3. its LRAT proof (or with --drat its DRAT proof) refutes the CNF;
4. the proved clauses say that each output of the one netlist implies that of the other, and the
   reverse.

Variables: input bit n of both netlists (`i` n) is variable 2 + n; the gates of the reference
(`g` n) follow, then those of the circuit, then one variable for each clause to negate.

What it leaves to others: that `proof_reference.blif` is the model, and `proof_circuit.blif` the
Verilog. Exit code 0 is accepted, 1 rejected.
"""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Iterable, Iterator
from functools import lru_cache
from itertools import product
from pathlib import Path

Clause = tuple[int, ...]
# Input patterns, and the output value on them.
Cover = tuple[tuple[str, ...], bool]
Gates = dict[int, tuple[tuple[int, ...], Cover]]
_FIRST_INPUT = 2


class Rejected(Exception):
    """The certificate proves nothing; the message says where it breaks."""


def check_folder(folder: Path, drat: bool = False) -> list[str]:
    """Return what was checked, line by line; raise `Rejected` at the first thing that is wrong."""
    try:
        return list(_check_folder(folder, drat))
    except (OSError, ValueError, KeyError, TypeError, IndexError) as error:
        raise Rejected(f"cannot be read: {error!r}") from error


def _check_folder(folder: Path, drat: bool) -> Iterator[str]:
    index = json.loads((folder / "proof.json").read_bytes())
    files = dict(_read_files(folder, index["files"]))
    reference = _Netlist(files[index["reference"]], None)
    circuit = _Netlist(files[index["circuit"]], reference.end)
    if reference.inputs != circuit.inputs or len(reference.outputs) != len(circuit.outputs):
        raise Rejected("the netlists have different ports")
    gates = {**reference.gates, **circuit.gates}
    proved: set[Clause] = set()
    for entry in index["obligations"]:
        name = entry["name"]
        cnf = read_cnf(files[f"{name}.cnf"])
        proves = [_normal(clause) for clause in entry["proves"]]
        sizes = int(entry["gate_clauses"]), int(entry["assumed_clauses"])
        _check_cnf(cnf, sizes, gates, proved, _negated(proves, circuit.end))
        if drat:
            steps = check_drat(cnf, files[f"{name}.drat"])
        else:
            steps = check_lrat(cnf, files[f"{name}.lrat"])
        proved.update(proves)
        yield f"{name}: {len(cnf)} clauses refuted in {steps} steps: {len(proves)} clauses proved"
    for number, (one, other) in enumerate(zip(reference.outputs, circuit.outputs, strict=True)):
        for a, b in ((one, other), (other, one)):
            # Literal 1 is the constant 1, and -1 the constant 0.
            if a != b and -1 not in (a, -b) and _normal({-a, b} - {-1}) not in proved:
                raise Rejected(f"output {number}: is not proved")
    yield f"{len(reference.outputs)} outputs are equal on every input"


def _read_files(folder: Path, known: dict[str, str]) -> Iterator[tuple[str, str]]:
    for name, sha256 in known.items():
        if Path(name).name != name:
            raise Rejected(f"{name}: is not a name in the folder")
        content = (folder / name).read_bytes()
        if hashlib.sha256(content).hexdigest() != sha256:
            raise Rejected(f"{name}: was changed")
        yield name, content.decode()


def _check_cnf(
    cnf: list[Clause],
    sizes: tuple[int, int],
    gates: Gates,
    proved: set[Clause],
    negated: list[Clause],
) -> None:
    """Reject a CNF that says more than gates, proved clauses, and that a claim is false."""
    own, assumed = sizes
    if min(sizes) < 0:
        raise Rejected("a negative number of clauses")
    for clause in cnf[:own]:
        if not _follows_from_gate(clause, gates):
            raise Rejected(f"{clause} follows from no gate")
    for clause in cnf[own : own + assumed]:
        if _normal(clause) not in proved:
            raise Rejected(f"{clause} was not proved before")
    if [_normal(clause) for clause in cnf[own + assumed :]] != negated:
        raise Rejected("a CNF does not negate what it claims")


def _negated(proves: list[Clause], first: int) -> list[Clause]:
    """Return the clauses that say that one of some clauses is false; variables from `first` on."""
    if any(not clause or max(map(abs, clause)) >= first for clause in proves):
        raise Rejected("an empty clause, or one of no net, is claimed")
    clauses = [
        _normal((-number, -literal))
        for number, clause in enumerate(proves, start=first)
        for literal in clause
    ]
    return [*clauses, tuple(range(first, first + len(proves)))]


def _follows_from_gate(clause: Clause, gates: Gates) -> bool:
    """Return whether the gate of the highest variable implies the clause."""
    high = max(map(abs, clause), default=0)
    if high not in gates:
        return False
    fanin, cover = gates[high]
    nets = (*fanin, high)
    if not all(abs(literal) in nets for literal in clause):
        return False
    # Constants as they are, all other nets by their place: gates alike are looked at once.
    place = {net: at for at, net in enumerate(sorted({*fanin, high} - {0, 1}), start=2)}
    place |= {0: 0, 1: 1}
    literals = tuple((place[abs(literal)], literal > 0) for literal in clause)
    return _implied(cover, tuple(place[net] for net in fanin), len(place), literals)


@lru_cache(maxsize=1 << 18)
def _implied(
    cover: Cover, fanin: tuple[int, ...], nets: int, literals: tuple[tuple[int, bool], ...]
) -> bool:
    """Return whether a clause is true whatever the inputs of the gate (net `nets` - 1) are."""
    for row in product((False, True), repeat=nets - 3):
        values = [False, True, *row]
        values.append(_output(cover, [values[net] for net in fanin]))
        if not any(values[net] is positive for net, positive in literals):
            return False
    return True


def _output(cover: Cover, inputs: list[bool]) -> bool:
    """Return the value of a BLIF cover: its rows are all of the on-set, or all of the off-set."""
    rows, value = cover
    hit = any(
        all(wanted in ("-", "01"[bit]) for wanted, bit in zip(row, inputs, strict=True))
        for row in rows
    )
    return hit is value


class _Netlist:
    """A BLIF netlist as gatec writes it.

    `inputs` is the number of input bits; `gates` has by variable the nets that the gate reads (0
    and 1 are the constants, others variables) and its cover; `outputs` are literals, -1 and 1 for
    the constants; `end` is the first variable behind the gates.
    """

    def __init__(self, text: str, first_gate: int | None) -> None:
        statements = [statement.split("\n") for statement in text.split("\n.")]
        head, *_, tail = statements
        kinds = [lines[0].split() for lines in statements[1:-1]]
        (_, *inputs), (_, *outputs) = kinds[:2]
        named = [kind[0] for kind in kinds[:2]] == ["inputs", "outputs"]
        if not named or inputs != [f"i{n}" for n in range(len(inputs))] or tail[0] != "end":
            raise Rejected(f"{head[0]}: is not a netlist of gatec")
        self.inputs = len(inputs)
        self.gates: Gates = {}
        number = {name: at for at, name in enumerate(inputs, start=_FIRST_INPUT)}
        self.end = _FIRST_INPUT + self.inputs if first_gate is None else first_gate
        driven = set(inputs)
        drivers: dict[str, int] = {}
        for kind, (_, *rows) in zip(kinds[2:], statements[3:-1], strict=True):
            if kind[0] != "names" or kind[-1] in driven:
                raise Rejected(f"{' '.join(kind)}: is not expected")
            *reads, name = kind[1:]
            driven.add(name)
            cover = _read_cover(rows, len(reads))
            if name in ("zero", "one"):
                if reads or _output(cover, []) is not (name == "one"):
                    raise Rejected(f"{name} is not a constant")
                number[name] = int(name == "one")
            elif name in outputs:
                if cover != (("1",), True):
                    raise Rejected(f"{name} is not a wire")
                drivers[name] = number[reads[0]]
            elif name == f"g{len(self.gates)}":
                self.gates[self.end] = (tuple(number[read] for read in reads), cover)
                number[name] = self.end
                self.end += 1
            else:
                raise Rejected(f"{name}: is out of order")
        self.outputs = [drivers[name] or -1 for name in outputs]


def _read_cover(lines: list[str], size: int) -> Cover:
    """Return the input patterns of a cover, and the output value that all of them stand for."""
    rows = [line.split() if size else ["", *line.split()] for line in lines if line]
    if any(len(row) != 2 or len(row[0]) != size or set(row[0]) - set("01-") for row in rows):
        raise Rejected("a cover cannot be read")
    values = {value for _, value in rows} or {"1"}
    if len(values) > 1 or not values <= {"0", "1"}:
        raise Rejected("a cover has rows of both sorts")
    patterns = tuple(pattern for pattern, _ in rows)
    return patterns, values == {"1"}


def _normal(clause: Iterable[int]) -> Clause:
    """Return a clause with its literals in order."""
    return tuple(sorted({int(literal) for literal in clause}, key=lambda n: (abs(n), n)))


def read_cnf(text: str) -> list[Clause]:
    """Return the clauses of a DIMACS file with one clause a line."""
    lines = [line for line in text.splitlines() if line and not line.startswith("c")]
    head = lines[0].split()
    clauses = [_clause(line.split()) for line in lines[1:]]
    variables = max((abs(literal) for clause in clauses for literal in clause), default=0)
    if head[:2] != ["p", "cnf"] or int(head[3]) != len(clauses) or variables > int(head[2]):
        raise Rejected("a CNF's first line does not fit it")
    return clauses


def _clause(words: list[str]) -> Clause:
    *literals, end = map(int, words)
    if end != 0 or 0 in literals:
        raise Rejected("a clause does not end with 0")
    return tuple(literals)


def check_lrat(cnf: list[Clause], text: str) -> int:
    """Return how many clauses an LRAT proof adds until the empty one; reject any that is not RUP.

    Each clause names those that become unit one after the other once it is false.
    """
    alive = dict(enumerate(cnf, start=1))
    added = 0
    for line in text.splitlines():
        words = line.split()
        number = int(words[0])
        if words[1] == "d":
            for old in _clause(words[2:]):
                del alive[old]
            continue
        end = words.index("0")
        clause, hints = _clause(words[1 : end + 1]), _clause(words[end + 1 :])
        if number in alive or not _closes(clause, [alive[hint] for hint in hints]):
            raise Rejected(f"step {number}: {clause} does not follow from its hints")
        alive[number] = clause
        added += 1
        if not clause:
            return added
    raise Rejected("the proof does not reach the empty clause")


def _closes(clause: Clause, hints: list[Clause]) -> bool:
    true = {-literal for literal in clause}
    for hint in hints:
        left = {literal for literal in hint if -literal not in true}
        if len(left) != 1:
            return not left
        true |= left
    return False


def check_drat(cnf: list[Clause], text: str) -> int:
    """Return how many clauses a DRAT proof adds until the empty one; reject any other.

    Forwards: each clause must follow by unit propagation from those before it (RUP), or every
    resolvent on its first literal must (RAT).
    """
    database = _Database(cnf)
    added = 0
    for line in text.splitlines():
        words = line.split()
        if words[0] == "d":
            database.delete(_clause(words[1:]))
            continue
        clause = _clause(words)
        added += 1
        if not database.implies(clause) and not database.is_rat(clause):
            raise Rejected(f"step {added}: {clause} is neither RUP nor RAT")
        if not clause:
            return added
        database.add(clause)
    raise Rejected("the proof does not reach the empty clause")


class _Database:
    """Clauses under unit propagation with two watched literals each."""

    def __init__(self, cnf: list[Clause]) -> None:
        self._clauses: dict[int, list[int]] = {}
        self._numbers: dict[Clause, list[int]] = {}
        self._watched: dict[int, list[int]] = {}
        self._units: dict[int, int] = {}
        self._next = 0
        self._empty = False
        for clause in cnf:
            self.add(clause)

    def add(self, clause: Clause) -> None:
        """Take in a clause."""
        literals = list(dict.fromkeys(clause))
        number, self._next = self._next, self._next + 1
        self._clauses[number] = literals
        self._numbers.setdefault(_normal(clause), []).append(number)
        if len(literals) == 1:
            self._units[number] = literals[0]
        elif literals:
            for literal in literals[:2]:
                self._watched.setdefault(literal, []).append(number)
        else:
            self._empty = True

    def delete(self, clause: Clause) -> None:
        """Drop one copy of a clause; its watches go when they are met."""
        numbers = self._numbers.get(_normal(clause))
        if not numbers:
            raise Rejected(f"{clause} is deleted but not there")
        number = numbers.pop()
        del self._clauses[number]
        self._units.pop(number, None)

    def implies(self, clause: Iterable[int]) -> bool:
        """Return whether propagation finds a conflict once every literal is false."""
        if self._empty:
            return True
        # Nothing is kept between calls: a deleted clause cannot leave a consequence behind. The
        # assumptions go first: most conflicts are near them.
        queue = list(dict.fromkeys([*(-literal for literal in clause), *self._units.values()]))
        true = set(queue)
        if any(-literal in true for literal in queue):
            return True
        clauses, watched = self._clauses, self._watched
        for literal in queue:
            false = -literal
            kept: list[int] = []
            numbers = watched.get(false, [])
            for at, number in enumerate(numbers):
                literals = clauses.get(number)
                if literals is None:
                    continue
                if literals[0] == false:
                    literals[0], literals[1] = literals[1], false
                for other in range(1, len(literals)):
                    if -literals[other] not in true:
                        literals[1], literals[other] = literals[other], literals[1]
                        watched.setdefault(literals[1], []).append(number)
                        break
                else:
                    kept.append(number)
                    if -literals[0] in true:
                        watched[false] = kept + numbers[at + 1 :]
                        return True
                    if literals[0] not in true:
                        true.add(literals[0])
                        queue.append(literals[0])
            watched[false] = kept
        return False

    def is_rat(self, clause: Clause) -> bool:
        """Return whether every resolvent on the first literal is implied."""
        if not clause:
            return False
        pivot = clause[0]
        # A resolvent that is a tautology makes a literal and its complement false at once, which
        # `implies` takes for a conflict.
        others = [other for other in self._clauses.values() if -pivot in other]
        return all(self.implies({*clause, *other} - {-pivot}) for other in others)


def main(arguments: list[str]) -> int:
    """Check the folder that the arguments name; return the exit code."""
    folders = [argument for argument in arguments if argument != "--drat"]
    if len(folders) != 1:
        print("usage: check_certificate.py FOLDER [--drat]", file=sys.stderr)
        return 2
    try:
        print("\n".join(check_folder(Path(folders[0]), "--drat" in arguments)))
    except Rejected as error:
        print(f"rejected: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
