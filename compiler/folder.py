"""An output folder: what `compile` wrote, read back for `verify`, `sim` and `flash`."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gatec.errors import ModelError
from gatec.frontends import ReadOptions, read_model
from gatec.limits import MAX_HEADER_BYTES, check_limit
from gatec.model import ModelGraph
from gatec.publish import MANIFEST

MODEL_FILE = "model.npz"


@dataclass(frozen=True)
class OutputFolder:
    """A folder that gatec wrote.

    Attributes
    ----------
    path
        The folder.
    manifest
        Its manifest.
    """

    path: Path
    manifest: dict[str, Any]

    @classmethod
    def load(cls, path: Path) -> OutputFolder:
        """Read a folder's manifest; raise `ModelError` when it is none of gatec's."""
        file = path / MANIFEST
        if not file.is_file():
            raise ModelError(f"has no {MANIFEST}", file=path, expected="a folder written by gatec")
        check_limit(file.stat().st_size, MAX_HEADER_BYTES, "manifest bytes", file=file)
        try:
            manifest = json.loads(file.read_bytes())
        except (ValueError, RecursionError) as error:
            raise ModelError(f"is not JSON: {error}", file=file) from None
        keys = {"gatec", "model", "files", "options", "interface", "proof"}
        if not isinstance(manifest, dict) or not keys <= manifest.keys():
            raise ModelError(
                "is not a manifest of gatec", file=file, expected=f"keys {sorted(keys)}"
            )
        return cls(path, manifest)

    def read(self, name: str) -> bytes:
        """Return a file's content; raise `ModelError` unless it is as it was written."""
        known = self.manifest["files"].get(name)
        file = self.path / name
        if known is None or not file.is_file():
            raise ModelError("is missing", file=file)
        content = file.read_bytes()
        found = hashlib.sha256(content).hexdigest()
        if found != known:
            raise ModelError(
                f"was changed: sha256 {found[:16]}...", file=file, expected=f"{known[:16]}..."
            )
        return content

    def check_files(self) -> int:
        """Check the hash of every file; return how many there are."""
        for name in self.manifest["files"]:
            self.read(name)
        return len(self.manifest["files"])

    def model(self) -> ModelGraph:
        """Return the model that the circuit was compiled from, ending as the circuit does."""
        self.read(MODEL_FILE)
        graph = read_model(self.path / MODEL_FILE, self._reading())
        return graph.with_output(self.manifest["options"]["output"])

    def _reading(self) -> ReadOptions:
        return ReadOptions(name=self.manifest["model"]["name"], format="neutral")

    @property
    def verilog(self) -> str:
        """The emitted core."""
        return self.read(f"{self.manifest['interface']['top']}.v").decode()
