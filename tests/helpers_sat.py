"""An equivalence prover that shares nothing with gatec's: Tseitin clauses and PySAT."""

from __future__ import annotations

from pysat.solvers import Cadical153

from gatec.netlist import Netlist


def sat_equal(a: Netlist, b: Netlist) -> bool:
    """Decide by SAT on a miter whether two combinational netlists are equal."""
    inputs = a.num_inputs
    with Cadical153() as solver:
        fresh = iter(range(inputs + 1, 10_000_000))
        sides = [_encode(solver, net, fresh) for net in (a, b)]
        unlike = []
        for left, right in zip(*sides, strict=True):
            x = next(fresh)
            for clause in ((-x, left, right), (-x, -left, -right)):
                solver.add_clause(clause)
            unlike.append(x)
        solver.add_clause(unlike)
        return not solver.solve()


def _encode(solver: Cadical153, net: Netlist, fresh) -> list[int]:  # type: ignore[no-untyped-def]
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
