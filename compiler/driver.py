"""`compile()`: read, lower, optimise, map, pipeline, emit, prove, place and route, publish."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gatec.approximation import approximation_section, give_up
from gatec.certify import make_certificate
from gatec.console import Progress
from gatec.design import Design, build_design
from gatec.errors import LimitError, ModelError, UsageError
from gatec.flow import Flow, testbench_file
from gatec.flows import choose_flow
from gatec.folder import MODEL_FILE, RECORD_FILE
from gatec.frontends import ReadOptions, from_module, neutral_bytes, read_model
from gatec.manifest import make_manifest, to_json
from gatec.mapping import Mapped, map_model
from gatec.model import ModelGraph
from gatec.options import CompileOptions
from gatec.publish import MANIFEST, check_target, publish
from gatec.report import summary
from gatec.vectors import make_vectors, vector_files

REPORT = "report.txt"
# A clock that the estimate missed is tried again with shorter stages, this often at most.
_CLOCK_TRIES = 4


@dataclass(frozen=True)
class CompileResult:
    """A finished compilation.

    Attributes
    ----------
    manifest
        As written to `manifest.json`.
    files
        All files of the output folder by name.
    design
        The circuit with its proof.
    directory
        Where the files were written, or None.
    """

    manifest: dict[str, Any]
    files: dict[str, bytes]
    design: Design
    directory: Path | None

    @property
    def verilog(self) -> str:
        """The emitted core."""
        return self.design.emitted.text


def compile(
    model: Any,
    target: str = "ice40",
    *,
    output_dir: Path | str | None = None,
    reading: ReadOptions | None = None,
    progress: Progress | None = None,
    **options: Any,
) -> CompileResult:
    """Compile a trained net.

    Parameters
    ----------
    model
        A path, a live `torch.nn.Module`, or a `ModelGraph`.
    target
        A name from `gatec targets`.
    output_dir
        Folder to write, all or nothing; None writes nothing.
    reading
        What the file or module does not say of itself.
    progress
        Told of each step; silent when None.
    **options
        The fields of `CompileOptions`.

    Raises
    ------
    GatecError
        With one line, and the exit code of the command line.
    """
    return compile_model(
        model,
        CompileOptions(target=target, **options),
        reading or ReadOptions(),
        output_dir=None if output_dir is None else Path(output_dir),
        progress=progress or Progress(),
    )


def compile_model(
    model: Any,
    options: CompileOptions,
    reading: ReadOptions,
    *,
    output_dir: Path | None,
    named_below: bool = False,
    progress: Progress,
) -> CompileResult:
    """Compile a model; see `compile`. `named_below` writes to a folder of the model's name."""
    if output_dir is not None and not named_below:
        check_target(output_dir)
    dumps = options.dump_passes
    if dumps is not None and dumps.is_dir() and any(dumps.iterdir()):
        raise UsageError("--dump-passes: folder is not empty", file=dumps, expected="a new folder")
    flow = choose_flow(options)
    options = flow.options
    with progress.step("read the model"):
        graph, sha256 = read_any(model, reading)
    if output_dir is not None and named_below:
        output_dir = output_dir / graph.name
        check_target(output_dir)
    asked, given_up = options.approximation, None
    if asked is not None:
        given_up = give_up(graph, options, asked, flow.lut_inputs, progress, chains=flow.chains)
        graph = given_up.found.model
    mapped = map_model(
        graph,
        flow.lut_inputs,
        options,
        progress,
        chains=flow.chains,
        block_ram=flow.block_ram,
        keep_gates=flow.keeps_gates,
    )
    design, physical, files = _meet_clock(mapped, flow, options, progress)
    certificate = make_certificate(design, options, progress)
    if certificate is not None:
        files |= certificate.files
    files |= vector_files(mapped.model, make_vectors(mapped.model.num_inputs, options.vectors))
    files |= testbench_file(design, options.vectors)
    files[MODEL_FILE] = neutral_bytes(mapped.model)
    section = None
    if given_up is not None:
        files[RECORD_FILE] = given_up.record
        section = approximation_section(given_up, mapped)
    manifest = make_manifest(design, options, sha256, physical, files, approximation=section)
    if certificate is not None:
        manifest["proof"]["certificate"] = certificate.summary()
    files[REPORT] = summary(manifest).encode()
    manifest["files"][REPORT] = hashlib.sha256(files[REPORT]).hexdigest()
    files[MANIFEST] = to_json(manifest).encode()
    if output_dir is not None:
        publish(output_dir, files)
    return CompileResult(manifest, files, design, output_dir)


def read_any(model: Any, reading: ReadOptions) -> tuple[ModelGraph, str | None]:
    """Return the graph of a path, module or graph, and the SHA-256 of a file."""
    if isinstance(model, ModelGraph):
        return model, None
    if isinstance(model, str | Path):
        before = _sha256(Path(model))
        graph = read_model(Path(model), reading)
        if _sha256(Path(model)) != before:
            raise ModelError("changed while it was read", file=model, expected="a finished file")
        return graph, before
    return from_module(model, reading), None


def _sha256(path: Path) -> str | None:
    """Return the hash of a file, None where it cannot be read twice: frontends say why."""
    if not path.is_file():
        return None
    try:
        with path.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError:
        return None


def _meet_clock(
    mapped: Mapped, flow: Flow, options: CompileOptions, progress: Progress
) -> tuple[Design, dict[str, Any] | None, dict[str, bytes]]:
    """Build and route; where a clock is required, again with shorter stages until it is met."""
    stages, levels = flow.pipelining()
    clock = flow.required_clock
    for left in reversed(range(_CLOCK_TRIES)):
        design = build_design(
            mapped, flow.emit, options, progress, stages=stages, levels_per_stage=levels
        )
        physical, files = flow.finish(design, progress)
        fmax = None if physical is None else physical["fmax_mhz"]
        if clock is None or fmax is None or fmax >= clock:
            return design, physical, files
        if levels is None or levels == 1 or not left:
            break
        shorter = max(1, min(levels - 1, int(levels * fmax / clock)))
        progress.note(f"{fmax:.1f} MHz with {levels} LUT levels a stage: trying {shorter}")
        levels = shorter
    raise LimitError(
        f"clock of {clock:g} MHz: {flow.reached} {fmax:.1f} MHz",
        file=mapped.model.name,
        expected=f"a lower --clock or {flow.faster}",
    )
