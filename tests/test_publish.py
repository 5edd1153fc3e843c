"""All or nothing: killed writers, full disks, foreign folders, many writers at once."""

from __future__ import annotations

import json
import multiprocessing
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from gatec.errors import UsageError
from gatec.publish import MANIFEST, _fresh_folder, check_target, publish

WRITER = """
import json, sys
from pathlib import Path
from gatec.publish import publish
target, stamp = Path(sys.argv[1]), sys.argv[2]
print("ready", flush=True)
while True:
    more = {f"f{i}": stamp.encode() * 999 for i in range(9)}
    manifest = json.dumps({"gatec": stamp, "files": {name: "" for name in more}})
    publish(target, {"manifest.json": manifest.encode(), **more})
"""


def stub(stamp: str, **files: bytes) -> dict[str, bytes]:
    """Return files with a manifest that lists them."""
    manifest = {"gatec": stamp, "files": dict.fromkeys(files, "")}
    return {MANIFEST: json.dumps(manifest).encode(), **files}


def whole(target: Path) -> str:
    """Return the stamp of a complete output; fail on a torn one."""
    stamp: str = json.loads((target / MANIFEST).read_text())["gatec"]
    assert sorted(p.name for p in target.iterdir()) == sorted(
        [MANIFEST, *(f"f{i}" for i in range(9))]
    )
    for i in range(9):
        assert (target / f"f{i}").read_text() == stamp * 999
    return stamp


def test_a_new_folder_is_written_and_an_old_one_replaced_whole(tmp_path: Path) -> None:
    target = tmp_path / "a" / "out"
    publish(target, stub("1", old=b"x"))
    publish(target, stub("2", new=b"y"))
    assert {p.name: p.read_bytes() for p in target.iterdir()} == stub("2", new=b"y")
    assert [p.name for p in target.parent.iterdir()] == ["out"]


def test_killed_writers_leave_whole_outputs(tmp_path: Path) -> None:
    target = tmp_path / "out"
    chance = random.Random(1)
    published: set[str] = set()
    for round_number in range(30):
        process = subprocess.Popen(
            [sys.executable, "-c", WRITER, str(target), f"round{round_number}"],
            stdout=subprocess.PIPE,
        )
        assert process.stdout is not None
        process.stdout.readline()
        # On a loaded machine no writer may get as far as its first folder by itself.
        while round_number == 0 and not target.exists():
            time.sleep(0.01)
        time.sleep(chance.uniform(0.0, 0.03))
        process.send_signal(signal.SIGKILL)
        process.wait()
        process.stdout.close()
        if target.exists():
            published.add(whole(target))
    assert published
    publish(target, stub("end"))
    assert [p.name for p in tmp_path.iterdir()] == ["out"]


def write_often(target: Path, stamp: str) -> None:
    files = stub(stamp, **{f"f{i}": stamp.encode() * 999 for i in range(9)})
    for _ in range(20):
        publish(target, files)


def test_many_writers_leave_one_whole_winner(tmp_path: Path) -> None:
    target = tmp_path / "out"
    context = multiprocessing.get_context("spawn")
    writers = [context.Process(target=write_often, args=(target, f"writer{i}")) for i in range(4)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
        assert writer.exitcode == 0
    assert whole(target).startswith("writer")
    assert [p.name for p in tmp_path.iterdir()] == ["out"]


def test_folders_of_others_are_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("x")
    with pytest.raises(UsageError, match="holds files that gatec did not write"):
        publish(tmp_path, stub("1"))
    assert [p.name for p in tmp_path.iterdir()] == ["thesis.tex"]


def test_a_file_or_link_in_the_way_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("x")
    link = tmp_path / "link"
    link.symlink_to(tmp_path)
    for target in (file, link, file / "under"):
        with pytest.raises(UsageError):
            check_target(target)


def test_a_full_disk_leaves_the_old_output(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = tmp_path / "out"
    publish(target, stub("old"))
    real, calls, limit = os.fsync, 0, 0

    def failing(descriptor: int) -> None:
        nonlocal calls
        calls += 1
        if calls == limit:
            raise OSError(28, "No space left on device")
        real(descriptor)

    monkeypatch.setattr(os, "fsync", failing)
    for nth in (1, 2, 3):
        calls, limit = 0, nth
        with pytest.raises(UsageError, match="No space left on device"):
            publish(target, stub("new", more=b"x"))
        assert {p.name: p.read_bytes() for p in target.iterdir()} == stub("old")
        assert [p.name for p in tmp_path.iterdir()] == ["out"]


def test_a_manifest_of_others_or_a_stranger_among_ours_is_respected(tmp_path: Path) -> None:
    extension = tmp_path / "extension"
    extension.mkdir()
    (extension / MANIFEST).write_text('{"name": "an extension", "files": {}}')
    ours = tmp_path / "ours"
    publish(ours, stub("1", mine=b"x"))
    check_target(ours)
    (ours / "notes.txt").write_text("keep me")
    for target, stranger in ((extension, MANIFEST), (ours, "notes.txt")):
        with pytest.raises(UsageError, match=f"did not write, such as {stranger}"):
            publish(target, stub("2"))
    assert (ours / "notes.txt").read_text() == "keep me"


def test_a_live_writers_folder_is_not_swept(tmp_path: Path) -> None:
    fresh, lock = _fresh_folder(tmp_path)
    publish(tmp_path / "out", stub("1"))
    assert fresh.is_dir()
    os.close(lock)
    publish(tmp_path / "out", stub("2"))
    assert not fresh.exists()
