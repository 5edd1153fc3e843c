"""The certificate of a compilation: made for `--proof`, checked again by `verify`."""

from __future__ import annotations

from collections.abc import Iterator

from gatec.backends.readback.core import read_back
from gatec.blif import write_blif
from gatec.console import Progress
from gatec.design import Design
from gatec.errors import DifferentError, UnprovedError
from gatec.fact_steps import under
from gatec.folder import OutputFolder
from gatec.netlist import Netlist
from gatec.options import CompileOptions
from gatec.proof.certificate import CIRCUIT, INDEX, REFERENCE, Certificate, certify
from gatec.proof.check_certificate import Rejected, check_folder
from gatec.proof.verdict import Verdict


def make_certificate(
    design: Design, options: CompileOptions, progress: Progress
) -> Certificate | None:
    """Certify that the emitted text is the reference netlist; None when that was not asked for.

    Raises
    ------
    UnprovedError
        It could not be done in time, and the options do not allow to go without.
    """
    if not options.proof:
        return None
    with progress.step("write the certificate"):
        circuit = read_back(design.emitted.text, design.emitted.shape).netlist
        pair = under(design.mapped.care, [design.mapped.lowering.netlist, circuit])
        made = certify(pair[0], pair[1], options.proof_time)
    if made.verdict is not Verdict.EQUIVALENT and not options.allow_unproved:
        raise UnprovedError(
            f"the certificate is {made.verdict.value} after {options.proof_time:g} s",
            file=design.mapped.model.name,
            expected="a larger --proof-time, or --allow-unproved",
        )
    return made


def check_certificate(folder: OutputFolder, reference: Netlist, circuit: Netlist) -> Iterator[str]:
    """Check the certificate of a folder, if it has one, and that it is about these netlists."""
    if INDEX not in folder.manifest["files"]:
        return
    pair = under(folder.care(reference.num_inputs), [reference, circuit])
    for name, netlist in zip((REFERENCE, CIRCUIT), pair, strict=True):
        if folder.read(name) != write_blif(netlist).encode():
            raise DifferentError("is not the netlist that it stands for", file=folder.path / name)
    try:
        lines = check_folder(folder.path)
    except Rejected as error:
        raise DifferentError(f"the certificate is rejected: {error}", file=folder.path) from None
    yield f"certificate: {len(lines) - 1} obligation(s) checked, {lines[-1]}"
