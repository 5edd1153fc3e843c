"""An equivalence prover that shares nothing with gatec's: Tseitin clauses and PySAT."""

from __future__ import annotations

from pysat.solvers import Minisat22

from gatec.netlist import Netlist
from gatec.proof.verdict import Verdict

# Within it the nets of the fuzzing campaign are decided in a second, or hardly ever: two orders of
# adding up a dozen bits take a miter without cuts more than an hour.
CONFLICTS = 10_000


def sat_verdict(a: Netlist, b: Netlist, conflicts: int = CONFLICTS) -> Verdict:
    """Decide by SAT whether two combinational netlists are equal, output by output.

    `UNDECIDED` where some pair of outputs took more than `conflicts`, and none differs.
    """
    inputs = a.num_inputs
    with Minisat22() as solver:
        fresh = iter(range(inputs + 1, 10_000_000))
        pairs = zip(*(_encode(solver, net, fresh) for net in (a, b)), strict=True)
        undecided = False
        for left, right in pairs:
            x = next(fresh)
            for clause in ((-x, left, right), (-x, -left, -right)):
                solver.add_clause(clause)
            solver.conf_budget(conflicts)
            found = solver.solve_limited(assumptions=[x])
            if found:
                return Verdict.DIFFERENT
            undecided |= found is None
            if found is False:
                for clause in ((-left, right), (left, -right)):
                    solver.add_clause(clause)
        return Verdict.UNDECIDED if undecided else Verdict.EQUIVALENT


def _encode(solver: Minisat22, net: Netlist, fresh) -> list[int]:  # type: ignore[no-untyped-def]
    true = next(fresh)
    solver.add_clause([true])
    variables = [-true, true, *range(1, net.num_inputs + 1)]
    for fanin, table in zip(net.fanin.tolist(), net.tables.tolist(), strict=True):
        out = next(fresh)
        for address in range(1 << len(fanin)):
            clause = [
                -variables[n] if address >> j & 1 else variables[n] for j, n in enumerate(fanin)
            ]
            solver.add_clause([*clause, out if table >> address & 1 else -out])
        variables.append(out)
    return [variables[n] for n in net.output_nets]
