"""A zip file as a bounded, read-only mapping from member names to bytes.

Both `.npz` and torch's `.pt` are zip files. The central directory decides; everything that it
declares is checked before a byte is unpacked.
"""

from __future__ import annotations

import io
import struct
import zipfile
import zlib

from gatec import limits
from gatec.errors import LimitError, ModelError

_ENCRYPTED = 0x1
_LOCAL_HEADER = struct.Struct("<4s22xHH")
_LOCAL_MAGIC = b"PK\x03\x04"
# Below this size no ratio is worth a refusal: a constant array compresses a thousandfold.
_HARMLESS_BYTES = 64 << 20

_BROKEN = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    NotImplementedError,
    RuntimeError,
    EOFError,
    OSError,
    ValueError,
    OverflowError,
    LookupError,
)


class ZipMembers:
    """The members of a zip file.

    Parameters
    ----------
    data
        The whole file.
    file
        For messages.

    Raises `ModelError` at a file that is broken, encrypted, or has odd member names, and
    `LimitError` at one whose declared sizes are out of bounds.
    """

    def __init__(self, data: bytes, file: str) -> None:
        self.file = file
        self._data = memoryview(data)
        try:
            self._zip = zipfile.ZipFile(io.BytesIO(data))
            infos = self._zip.infolist()
        except _BROKEN as error:
            raise ModelError(
                f"broken zip file: {str(error)[:120]}", file=file, expected="it whole, not cut off"
            ) from None
        limits.check_limit(len(infos), limits.MAX_ARCHIVE_MEMBERS, "zip members", file=file)
        self._infos: dict[str, zipfile.ZipInfo] = {}
        for info in infos:
            self._check(info)
            self._infos[info.filename] = info
        self._check_totals()

    @property
    def names(self) -> list[str]:
        """Member names in the order of the central directory."""
        return list(self._infos)

    def __contains__(self, name: str) -> bool:
        return name in self._infos

    def read(self, name: str) -> memoryview:
        """Return a member's bytes; an uncompressed member is a view, not a copy."""
        info = self._infos.get(name)
        if info is None:
            raise ModelError("missing in the file", file=self.file, place=name)
        try:
            if info.compress_type == zipfile.ZIP_STORED:
                return self._stored(info)
            with self._zip.open(info) as stream:
                content = stream.read(info.file_size + 1)
        except _BROKEN as error:
            raise ModelError(
                f"broken member: {str(error)[:120]}", file=self.file, place=name
            ) from None
        if len(content) != info.file_size:
            raise ModelError(
                f"{len(content)} bytes",
                file=self.file,
                place=name,
                expected=f"the declared {info.file_size}",
            )
        return memoryview(content)

    def _check(self, info: zipfile.ZipInfo) -> None:
        name = info.filename
        parts = name.replace("\\", "/").split("/")
        if name.startswith("/") or ".." in parts or "\0" in name:
            raise ModelError("member name leaves the archive", file=self.file, place=name)
        if name in self._infos:
            raise ModelError("member is there twice", file=self.file, place=name)
        if info.flag_bits & _ENCRYPTED:
            raise ModelError("encrypted", file=self.file, place=name, expected="no password")
        self._check_ratio(info.file_size, info.compress_size, name)

    def _check_ratio(self, size: int, packed: int, place: str) -> None:
        ratio = limits.MAX_COMPRESSION_RATIO
        if size > max(_HARMLESS_BYTES, ratio * packed):
            raise LimitError(
                f"compression ratio: {size} bytes from {packed}",
                file=self.file,
                place=place,
                expected=f"at most {ratio}:1",
            )

    def _check_totals(self) -> None:
        packed = sum(info.compress_size for info in self._infos.values())
        if packed > len(self._data):
            raise ModelError("members overlap", file=self.file, expected="separate members")
        total = sum(info.file_size for info in self._infos.values())
        self._check_ratio(total, packed, "all members")
        limits.check_limit(total, limits.MAX_FILE_BYTES, "unpacked bytes", file=self.file)

    def _stored(self, info: zipfile.ZipInfo) -> memoryview:
        header = self._data[info.header_offset : info.header_offset + _LOCAL_HEADER.size]
        magic, name_size, extra_size = _LOCAL_HEADER.unpack(header)
        start = info.header_offset + _LOCAL_HEADER.size + name_size + extra_size
        content = self._data[start : start + info.file_size]
        if magic != _LOCAL_MAGIC or info.compress_size != info.file_size:
            raise zipfile.BadZipFile("bad header")
        if len(content) != info.file_size:
            raise zipfile.BadZipFile("cut off")
        if zlib.crc32(content) != info.CRC:
            raise zipfile.BadZipFile("checksum differs")
        return content
