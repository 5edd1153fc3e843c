"""The frontends, in the order in which a file is shown to them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from importlib import import_module
from pathlib import Path
from typing import Any

from gatec.errors import ModelError, UsageError
from gatec.frontends.architecture import with_architecture
from gatec.frontends.draft import Draft, complete
from gatec.frontends.files.content import Content, open_model
from gatec.frontends.files.keras_h5 import with_config
from gatec.frontends.modules import from_live
from gatec.frontends.options import ReadOptions
from gatec.model import ModelGraph


@dataclass(frozen=True)
class Frontend:
    """A model format.

    Attributes
    ----------
    name
        What `--format` calls it.
    description
        One line.
    module
        The one of `gatec.frontends` that has its `matches` and `draft`. It is imported when a file
        may be its: most compilations need one of these readers, and all together take 0.1 s.
    """

    name: str
    description: str
    module: str

    def _reader(self) -> Any:
        return import_module(f"gatec.frontends.{self.module}")

    def matches(self, content: Content) -> bool:
        """Return whether a file's content is of this format."""
        found: bool = self._reader().matches(content)
        return found

    def refuse_unknown(self, options: ReadOptions, *, file: str) -> None:
        """Raise `UsageError` at an option that would change nothing."""
        for option, known in _ONLY_FOR.items():
            if getattr(options, option) is not None and self.name not in known:
                raise UsageError(
                    f"--{option} was given, but the model is {self.name}",
                    file=file,
                    expected=f"{' or '.join(known)} with it",
                )

    def draft(self, content: Content, options: ReadOptions) -> Draft:
        """Return what the content and the options tell, complete or not."""
        found: Draft = self._reader().draft(content, options)
        return found

    def read(self, content: Content, options: ReadOptions) -> ModelGraph:
        """Return the model; raise `ModelError` naming what is missing or wrong."""
        found = self.draft(content, options)
        return complete(found, options, file=content.label, stem=content.stem)


SUPPORTED: tuple[Frontend, ...] = (
    Frontend(
        "neutral",
        "gatec's own flat form: layers.{i}.fanin with tables or gates",
        "neutral",
    ),
    Frontend(
        "gate-lists",
        "gate_types and connections, or layers.{i}.w: the Tiny Tapeout logic-gate nets",
        "gatelists",
    ),
    Frontend(
        "bnn-pynq",
        "L{i}_weight_bits, L{i}_shape, L{i}_threshold: binary networks of BNN-PYNQ",
        "pynq",
    ),
    Frontend(
        "larq",
        "Keras' .h5, or config and LAYER.WEIGHT: a binary network of larq",
        "larq",
    ),
    Frontend(
        "trees",
        "trees.{i}.children_left, ...: trees as scikit-learn's users export them",
        "trees",
    ),
    Frontend(
        "cascade",
        "JSON that names a small net, a large one, and the margin between them",
        "cascade",
    ),
    Frontend(
        "xgboost",
        "boosted trees that XGBoost saved as .json or .ubj",
        "xgboost",
    ),
    Frontend(
        "lightgbm",
        "boosted trees that LightGBM saved as text",
        "lightgbm",
    ),
    Frontend(
        "cellular",
        "grid, perceive.{l} and update.{l}: a DiffLogic CA, applied --steps times",
        "cellular",
    ),
    Frontend(
        "blif",
        "a circuit of .names, and of .latch, which is unrolled over --steps",
        "blif",
    ),
    Frontend(
        "circuits",
        "AIGER with and without latches, PLA, truth tables, .bench; bits as --parameters",
        "circuits",
    ),
    Frontend(
        "verilog",
        "structural Verilog, and the case tables of LogicNets, PolyLUT, NeuraLUT",
        "verilog",
    ),
    Frontend(
        "bloom",
        "Bloom-filter discriminators: .pickle.lzma of BTHOWeN, and of ULEEN when finalised",
        "bloom",
    ),
    Frontend(
        "dwn",
        "weightless nets of torch-dwn: module or state dict, with the thermometer beside it",
        "weightless",
    ),
    Frontend(
        "llnn",
        "layers of w and w_comp: whole module, or state dict with --wiring",
        "llnn",
    ),
    Frontend(
        "difflut",
        "state dicts of layers with nodes: difflogic and dwn nodes",
        "difflut",
    ),
    Frontend(
        "binary",
        "binary and Boolean networks of PyTorch: a state dict with --architecture",
        "binary",
    ),
    Frontend(
        "torchlogix",
        "dense and convolutional layers, encoder and GroupSum: whole module or state dict",
        "torchlogix",
    ),
    Frontend(
        "onnx",
        "quantised networks in ONNX: QONNX as Brevitas and FINN write it",
        "onnx_graph",
    ),
    Frontend(
        "difflogic",
        "difflogic and its forks: whole module, or state dict with --wiring or --replay",
        "difflogic",
    ),
)


# Options of what only some formats lack: where they would change nothing they are refused.
_ONLY_FOR: dict[str, tuple[str, ...]] = {
    "parametrization": ("torchlogix",),
    "image": ("difflogic", "binary"),
    "parameters": ("circuits", "blif", "verilog"),
}


def choose(content: Content, options: ReadOptions) -> Frontend | None:
    """Return the frontend that `--format` names, or the first that the content matches."""
    if options.format is None:
        return next((f for f in SUPPORTED if f.matches(content)), None)
    for frontend in SUPPORTED:
        if frontend.name == options.format:
            # A dictionary of tensors may lack what tells its format; anything else tells.
            if not content.tensors and not frontend.matches(content):
                raise ModelError(
                    f"--format {options.format}, but it holds {summary(content)}",
                    file=content.label,
                    expected=frontend.description,
                )
            return frontend
    names = ", ".join(f.name for f in SUPPORTED)
    raise UsageError(f"--format {options.format}", expected=f"one of {names}")


def read_model(path: str | Path, options: ReadOptions | None = None) -> ModelGraph:
    """Read a trained net from a file, executing nothing in it.

    Parameters
    ----------
    path
        A file of tensors or of a circuit; which, is told by its content.
    options
        Facts that the file lacks.

    Returns the net as blocks; it ends in a GroupSum when the number of classes is known.

    Raises
    ------
    ModelError
        The file is broken, unknown, or lacks a fact that no option gives.
    LimitError
        Something in it is larger than `gatec.limits` allows.
    UsageError
        Options that do not fit.
    """
    options = options or ReadOptions()
    return read_opened(open_with(Path(path), options), options)


def open_with(path: Path, options: ReadOptions) -> Content:
    """Open a model file; with an architecture, its tensors become the module that they are of."""
    content = open_model(path)
    if options.architecture is None:
        return content
    if content.container == "h5":
        value = with_config(content.tensors, options.architecture, file=content.label)
        return replace(content, value=value)
    if not content.tensors:
        raise UsageError("--architecture was given, but the file is no state dict", file=path)
    module = with_architecture(content.tensors, options.architecture, file=content.label)
    return replace(content, value=module)


def from_module(module: Any, options: ReadOptions | None = None) -> ModelGraph:
    """Return the net that a live `torch.nn.Module` of difflogic or torchlogix layers holds.

    Layers are known by class name and attributes, so the trainer need not be importable.
    """
    options = options or ReadOptions()
    name = type(module).__name__
    return read_opened(Content(name, name, "module", from_live(module)), options)


def read_draft(path: str | Path, options: ReadOptions) -> tuple[Draft, str, str]:
    """Return a file's model as far as file and options tell, what errors call it, and its stem."""
    content = open_with(Path(path), options)
    return require_frontend(content, options).draft(content, options), content.label, content.stem


def read_opened(content: Content, options: ReadOptions) -> ModelGraph:
    """Return the net that an opened file holds; see `read_model`."""
    return require_frontend(content, options).read(content, options)


def require_frontend(content: Content, options: ReadOptions) -> Frontend:
    """Return the frontend that reads an opened file; raise `ModelError` where none does."""
    frontend = choose(content, options)
    if frontend is None:
        raise unknown_model(content.label, summary(content))
    frontend.refuse_unknown(options, file=content.label)
    return frontend


def unknown_model(label: str, holds: str) -> ModelError:
    """Return the error for a file that no frontend knows; `holds` says what is in it."""
    return ModelError(
        f"no model that gatec knows; it holds {holds}",
        file=label,
        expected=f"one of {', '.join(f.name for f in SUPPORTED)}",
    )


def summary(content: Content) -> str:
    """Return a few words on what a file holds."""
    value = content.model
    if isinstance(value, dict):
        keys = [key for key in value if isinstance(key, str)]
        shown = ", ".join(key[:40] for key in keys[:5])
        # Of layers as any network has them: what they are, their names do not tell.
        plain = any(key.rpartition(".")[2] == "weight" for key in content.tensors)
        hint = ", of which --architecture FILE says the layers" if plain else ""
        return f"{len(value)} entries ({shown}{', ...' if len(keys) > 5 else ''}){hint}"
    kind = getattr(value, "path", None)
    return f"an object of class {kind}" if kind else f"a {type(value).__name__}"
