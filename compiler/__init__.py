"""gatec: a hardware compiler for trained gate nets.

>>> import gatec
>>> result = gatec.compile("model.pt", target="ice40", output_dir="build/model")
>>> result.manifest["proof"]["equivalence"]
'equivalent'
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gatec.approx.options import ApproximateOptions as ApproximateOptions
    from gatec.driver import CompileResult as CompileResult
    from gatec.driver import compile as compile
    from gatec.errors import GatecError as GatecError
    from gatec.estimator import Classifier as Classifier
    from gatec.frontends import ReadOptions as ReadOptions
    from gatec.frontends import read_model as read_model
    from gatec.model import ModelGraph as ModelGraph
    from gatec.simulation import simulate as simulate
    from gatec.verify import verify_folder as verify_folder

_HOMES = {
    "ApproximateOptions": "gatec.approx.options",
    "Classifier": "gatec.estimator",
    "CompileResult": "gatec.driver",
    "GatecError": "gatec.errors",
    "ModelGraph": "gatec.model",
    "ReadOptions": "gatec.frontends",
    "compile": "gatec.driver",
    "read_model": "gatec.frontends",
    "simulate": "gatec.simulation",
    "verify_folder": "gatec.verify",
}
__all__ = [
    "ApproximateOptions",
    "Classifier",
    "CompileResult",
    "GatecError",
    "ModelGraph",
    "ReadOptions",
    "compile",
    "read_model",
    "simulate",
    "verify_folder",
]


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used: `import gatec` itself stays quick."""
    if name not in _HOMES:
        raise AttributeError(f"module 'gatec' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_HOMES[name]), name)
