"""Write an output folder all or nothing.

The files go to a hidden folder beside the target, are synced, and take the target's place in one
rename. A killed run leaves at most such a hidden folder, which the next run beside it sweeps.
"""

from __future__ import annotations

import ctypes
import errno
import fcntl
import json
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from gatec.errors import UsageError

MANIFEST = "manifest.json"
_AT_FDCWD = -100
_RENAME_EXCHANGE = 2
_PREFIX = ".gatec-"


def check_target(target: Path) -> None:
    """Raise `UsageError` when `target` cannot be written or holds something that is not gatec's.

    Called before the work, so that nobody waits minutes for a refusal.
    """
    try:
        _check_target(target)
    except OSError as error:
        raise _refused(target, error) from error


def _check_target(target: Path) -> None:
    if target.is_symlink() or (target.exists() and not target.is_dir()):
        raise UsageError("is a link or a file", file=target, expected="a folder or a new name")
    strangers = _strangers(target)
    if strangers:
        raise UsageError(
            f"holds files that gatec did not write, such as {strangers[0]}",
            file=target,
            expected="an empty or new folder",
        )
    parent = target.absolute().parent
    while not parent.exists():
        parent = parent.parent
    # Trying is the only sure way: access rights say nothing of read-only or odd file systems.
    folder, lock = _fresh_folder(parent)
    os.close(lock)
    shutil.rmtree(folder, ignore_errors=True)


def _strangers(target: Path) -> list[str]:
    """Return the names in a folder that its manifest does not list, sorted."""
    names = {path.relative_to(target).as_posix() for path in target.rglob("*") if not path.is_dir()}
    try:
        manifest = json.loads((target / MANIFEST).read_bytes())
        known = {MANIFEST, *manifest["files"]} if "gatec" in manifest else set()
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        known = set()
    return sorted(names - known)


@contextmanager
def replacing(path: Path) -> Iterator[BinaryIO]:
    """Give a file to write, which takes the place of `path` when the body ends without an error.

    Raises `UsageError` when the file system refuses, or `path` is something other than a file.
    """
    if path.exists() and not path.is_file():
        raise UsageError("is no plain file", file=path, expected="a file or a new name")
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with fresh.open("wb") as file:
            yield file
        fresh.replace(path)
    except OSError as error:
        raise _refused(path, error) from None
    finally:
        with suppress(OSError):
            fresh.unlink(missing_ok=True)


def publish(target: Path, files: Mapping[str, bytes]) -> None:
    """Put `files` (name to content) into the folder `target`, replacing an older output whole.

    A name may have folders in front: `test/tb.v`.

    Raises `UsageError` when the file system refuses; an older output then stays as it was.
    """
    check_target(target)
    try:
        target.absolute().parent.mkdir(parents=True, exist_ok=True)
        _publish(target.absolute(), files)
    except OSError as error:
        raise _refused(target, error) from error


def check_file_target(path: Path) -> None:
    """Raise `UsageError` when the file `path` cannot be written; nothing is left behind."""
    if path.exists() and not path.is_file():
        raise UsageError("is no plain file", file=path, expected="a file or a new name")
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        fresh.touch(exist_ok=False)
    except OSError as error:
        raise _refused(path, error) from None
    fresh.unlink()


def publish_file(path: Path, content: bytes) -> None:
    """Put `content` into the file `path` in one step; an older one stays until then.

    Raises `UsageError` when the file system refuses.
    """
    check_file_target(path)
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        fresh.write_bytes(content)
        fresh.replace(path)
    except OSError as error:
        raise _refused(path, error) from None
    finally:
        fresh.unlink(missing_ok=True)


def _refused(target: Path, error: OSError) -> UsageError:
    return UsageError(f"cannot be written: {error.strerror or error}", file=target)


def _publish(target: Path, files: Mapping[str, bytes]) -> None:
    parent = target.parent
    _sweep(parent)
    fresh, lock = _fresh_folder(parent)
    try:
        for name, content in files.items():
            (fresh / name).parent.mkdir(parents=True, exist_ok=True)
            with (fresh / name).open("wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
        fresh.chmod(0o777 & ~_umask())
        for folder in {(fresh / name).parent for name in files} | {fresh}:
            _sync(folder)
        _take_place(fresh, target)
        _sync(parent)
    finally:
        os.close(lock)
        shutil.rmtree(fresh, ignore_errors=True)


def _fresh_folder(parent: Path) -> tuple[Path, int]:
    """Return a new hidden folder and the descriptor that locks it against `_sweep`."""
    while True:
        fresh = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=parent))
        try:
            lock = os.open(fresh, os.O_RDONLY)
        except FileNotFoundError:
            continue  # swept before it was locked
        fcntl.flock(lock, fcntl.LOCK_EX)
        if fresh.exists():
            return fresh, lock
        os.close(lock)


def _take_place(fresh: Path, target: Path) -> None:
    """Rename `fresh` to `target`; an older target ends up under the name of `fresh`."""
    while True:
        try:
            fresh.rename(target)
        except OSError as error:
            if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
                raise
        else:
            return
        try:
            _exchange(fresh, target)
        except FileNotFoundError:
            continue  # somebody removed the old output just now
        return


def _exchange(a: Path, b: Path) -> None:
    """Swap two folders in one step (Linux `renameat2`)."""
    libc = ctypes.CDLL(None, use_errno=True)
    code = libc.renameat2(
        _AT_FDCWD, os.fsencode(a), _AT_FDCWD, os.fsencode(b), ctypes.c_uint(_RENAME_EXCHANGE)
    )
    if code != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), str(b))


def _sweep(parent: Path) -> None:
    """Remove the hidden folders of runs that no longer live: those that nobody holds a lock on."""
    for path in parent.glob(f"{_PREFIX}*"):
        try:
            lock = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
        except OSError:
            continue  # gone, or not ours
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            continue  # somebody is writing it
        else:
            shutil.rmtree(path, ignore_errors=True)
        finally:
            os.close(lock)


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
