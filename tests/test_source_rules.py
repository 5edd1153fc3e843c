"""Rules that the sources keep: import direction, inert reading, size, and no trace of a machine."""

from __future__ import annotations

import ast
import re

from helpers_source import ROOT, imports, modules, parsed, text_files

# From the user's end to the base. A module imports from its own layer or a lower one.
CLI, DRIVER, PART, BASE = 3, 2, 1, 0
CLI_MODULES = ("gatec.cli", "gatec.__main__", "gatec.commands", "gatec.pytest_plugin")
DRIVER_MODULES = (
    "gatec",
    "gatec.approximation",
    "gatec.activity",
    "gatec.certify",
    "gatec.clock",
    "gatec.clocked",
    "gatec.class_sums",
    "gatec.design",
    "gatec.driver",
    "gatec.estimator",
    "gatec.fact_steps",
    "gatec.fewest_stages",
    "gatec.flows.base",
    "gatec.flows.asic",
    "gatec.flows.asic_files",
    "gatec.flows.board",
    "gatec.flows.fpga",
    "gatec.flows.ice40",
    "gatec.flows.netlist",
    "gatec.flows.vendor",
    "gatec.flows.choice",
    "gatec.folder",
    "gatec.interval",
    "gatec.manifest",
    "gatec.mapping",
    "gatec.mapping_steps",
    "gatec.report",
    "gatec.sequence_stages",
    "gatec.sequences",
    "gatec.rtl",
    "gatec.rtl_clocked",
    "gatec.simulation",
    "gatec.stated",
    "gatec.subject",
    "gatec.synthesis",
    "gatec.testing",
    "gatec.verify",
    "gatec.verify_clocked",
    "gatec.verify_gates",
)
PARTS = ("gatec.backends", "gatec.boards", "gatec.frontends", "gatec.passes", "gatec.sim")
# Parts stand side by side, with these exceptions.
SIDEWAYS = {
    ("gatec.backends", "gatec.boards"),  # a board's top is written from its recipe
    ("gatec.sim", "gatec.passes"),  # the engine runs the optimised net
    ("gatec.sim", "gatec.frontends"),  # data sets are read with the same bounded readers
}
# A model's `predict` hands over to the engine: imported when it is called, and nothing else is.
UPWARD = {("gatec.model", "gatec.sim.engine")}
# Whoever reads files with these executes what is in them, or allocates what they declare.
BANNED_IMPORTS = {"pickle", "cPickle", "_pickle", "dill", "marshal", "shelve", "joblib"}
BANNED_CALLS = {"torch.load", "np.load", "numpy.load", "np.fromregex"}
MAX_LINES = 400
# Written so that this file does not match itself.
TRACES = re.compile(r"/(work|root)/|/hom[e]/|\.librar[y]|pyp[i]\.org|pythonhoste[d]|npmj[s]")


def owner(name: str, groups: tuple[str, ...]) -> str | None:
    """Return the module or package among `groups` that `name` is or lies in."""
    return next((g for g in groups if name == g or name.startswith(f"{g}.")), None)


def layer(module: str) -> int:
    """Return the layer of a module of gatec."""
    if owner(module, CLI_MODULES):
        return CLI
    if module in DRIVER_MODULES:
        return DRIVER
    return PART if owner(module, PARTS) else BASE


def target(imported: str, known: set[str]) -> str | None:
    """Return the module of gatec that an imported name is or comes from; None for others."""
    while imported and imported not in known:
        imported = imported.rpartition(".")[0]
    return imported or None


def allowed(source: str, imported: str) -> bool:
    """Return whether module `source` may import from module `imported`."""
    ours, theirs = owner(source, PARTS), owner(imported, PARTS)
    if (source, imported) in UPWARD:
        return True
    if ours and theirs and ours != theirs:
        return (ours, theirs) in SIDEWAYS
    return layer(source) >= layer(imported)


def test_imports_point_one_way() -> None:
    known = set(modules())
    wrong = []
    for name, path in modules().items():
        for line, imported in imports(path):
            found = target(imported, known)
            # `from gatec import limits` names the module, not the package's own contents.
            if found is not None and not allowed(name, found):
                wrong.append(f"{path.relative_to(ROOT)}:{line}: {name} imports {found}")
    assert not wrong, "\n".join(wrong)


def test_the_direction_rule_sees_a_wrong_import() -> None:
    assert not allowed("gatec.netlist", "gatec.passes.fold")
    assert not allowed("gatec.passes.fold", "gatec.driver")
    assert not allowed("gatec.passes.fold", "gatec.frontends.files.npz")
    assert not allowed("gatec.driver", "gatec.cli")
    assert allowed("gatec.cli", "gatec.driver")
    assert allowed("gatec.driver", "gatec.passes.fold")
    assert allowed("gatec.passes.fold", "gatec.netlist")


def test_the_layers_name_modules_that_exist() -> None:
    assert set(PARTS) | set(CLI_MODULES) | set(DRIVER_MODULES) <= set(modules())


def test_sources_import_by_full_name() -> None:
    relative = [
        f"{path.relative_to(ROOT)}:{line}"
        for path in modules().values()
        for line, imported in imports(path)
        if imported.startswith(".")
    ]
    assert relative == []


def test_nothing_reads_files_that_can_run_code() -> None:
    wrong = []
    for path in modules().values():
        for line, imported in imports(path):
            if imported.partition(".")[0] in BANNED_IMPORTS:
                wrong.append(f"{path.relative_to(ROOT)}:{line}: {imported}")
        wrong += [
            f"{path.relative_to(ROOT)}:{node.lineno}: {ast.unparse(node)}"
            for node in ast.walk(parsed(path))
            if isinstance(node, ast.Attribute) and ast.unparse(node) in BANNED_CALLS
        ]
    assert not wrong, "\n".join(wrong)


def test_files_stay_readable_in_one_sitting() -> None:
    long = {
        str(path.relative_to(ROOT)): lines
        for path in text_files()
        if path.suffix == ".py" and (lines := len(path.read_text().splitlines())) > MAX_LINES
    }
    assert long == {}


def test_no_file_tells_of_the_machine_it_was_written_on() -> None:
    found = [
        f"{path.relative_to(ROOT)}:{number}: {match[0]}"
        for path in text_files()
        for number, line in enumerate(path.read_text().splitlines(), start=1)
        if (match := TRACES.search(line))
    ]
    assert not found, "\n".join(found)
