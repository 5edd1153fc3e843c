"""`compile()`: read, lower, optimise, map, pipeline, emit, prove, place and route, publish."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from gatec.certify import make_certificate
from gatec.console import Progress
from gatec.design import Design
from gatec.errors import ModelError, UsageError
from gatec.fact_steps import obeying_vectors
from gatec.fewest_stages import meet_with_fewest
from gatec.flows.base import Flow, testbench_file
from gatec.flows.choice import choose_flow
from gatec.folder import MODEL_FILE, RECORD_FILE
from gatec.frontends import ReadOptions, from_module, neutral_bytes, read_model
from gatec.frontends.clocked import ClockedModel, read_clocked
from gatec.manifest import make_manifest, to_json
from gatec.mapping import map_model
from gatec.model import ModelGraph
from gatec.options import CompileOptions
from gatec.publish import MANIFEST, check_target, publish
from gatec.report import summary
from gatec.vectors import vector_files

REPORT = "report.txt"
Net = TypeVar("Net")


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
        net: ModelGraph | ClockedModel
        if options.clocked:
            net, sha256 = _read_recurrent(model, reading, options)
        else:
            net, sha256 = read_any(model, reading)
    if output_dir is not None and named_below:
        output_dir = output_dir / net.name
        check_target(output_dir)
    design: Design
    if isinstance(net, ClockedModel):
        # Imported where it is wanted, as below: half of a small net's time is Python's imports.
        from gatec.clocked import compile_clocked

        design, manifest, files = compile_clocked(net, sha256, flow, progress)
    else:
        design, manifest, files = _compile_graph(net, sha256, flow, progress)
    files[REPORT] = summary(manifest).encode()
    manifest["files"][REPORT] = hashlib.sha256(files[REPORT]).hexdigest()
    files[MANIFEST] = to_json(manifest).encode()
    if output_dir is not None:
        publish(output_dir, files)
    return CompileResult(manifest, files, design, output_dir)


def _compile_graph(
    graph: ModelGraph, sha256: str | None, flow: Flow, progress: Progress
) -> tuple[Design, dict[str, Any], dict[str, bytes]]:
    """Compile a combinational net; return the design, its manifest, and all other files."""
    options = flow.options
    asked, given_up = options.approximation, None
    if asked is not None:
        from gatec.approximation import give_up

        given_up = give_up(
            graph,
            options,
            asked,
            flow.lut_inputs,
            progress,
            chains=flow.chains,
            block_ram=flow.block_ram,
        )
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
    steps = flow.steps(mapped, progress)
    design, physical, files = meet_with_fewest(mapped, flow, options, progress, steps)
    certificate = make_certificate(design, options, progress)
    if certificate is not None:
        files |= certificate.files
    files |= vector_files(
        mapped.model, obeying_vectors(mapped.care, mapped.model.num_inputs, options.vectors)
    )
    files |= testbench_file(design, options.vectors)
    files[MODEL_FILE] = neutral_bytes(mapped.model)
    section = None
    if given_up is not None:
        files[RECORD_FILE] = given_up.record
        from gatec.approximation import approximation_section

        section = approximation_section(given_up, mapped)
    manifest = make_manifest(design, options, sha256, physical, files, approximation=section)
    if certificate is not None:
        manifest["proof"]["certificate"] = certificate.summary()
    return design, manifest, files


def read_any(model: Any, reading: ReadOptions) -> tuple[ModelGraph, str | None]:
    """Return the graph of a path, module or graph, and the SHA-256 of a file."""
    if isinstance(model, ModelGraph):
        return model, None
    if isinstance(model, str | Path):
        return _unchanged(Path(model), lambda path: read_model(path, reading))
    return from_module(model, reading), None


def _read_recurrent(
    model: Any, reading: ReadOptions, options: CompileOptions
) -> tuple[ClockedModel, str | None]:
    """Return the clocked net of a path, and the SHA-256 of the file."""
    if isinstance(model, ClockedModel):
        return model, None
    if not isinstance(model, str | Path):
        raise UsageError(f"clocked, with a {type(model).__name__}", expected="a model file")
    return _unchanged(
        Path(model),
        lambda path: read_clocked(path, reading, apart=True, every_step=options.every_step),
    )


def _unchanged(path: Path, read: Callable[[Path], Net]) -> tuple[Net, str | None]:
    """Return what is read of a file, and its SHA-256: before and after, it must be the same."""
    before = _sha256(path)
    net = read(path)
    if _sha256(path) != before:
        raise ModelError("changed while it was read", file=path, expected="a finished file")
    return net, before


def _sha256(path: Path) -> str | None:
    """Return the hash of a file, None where it cannot be read twice: frontends say why."""
    if not path.is_file():
        return None
    try:
        with path.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError:
        return None
