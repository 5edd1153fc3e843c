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
from gatec.publish import MANIFEST, check_target, publish

WRITER = """
import sys
from pathlib import Path
from gatec.publish import publish
target, stamp = Path(sys.argv[1]), sys.argv[2]
print("ready", flush=True)
while True:
    more = {f"f{i}": stamp.encode() * 999 for i in range(9)}
    publish(target, {"manifest.json": stamp.encode(), **more})
"""


def whole(target: Path) -> str:
    """Return the stamp of a complete output; fail on a torn one."""
    stamp = (target / MANIFEST).read_text()
    assert sorted(p.name for p in target.iterdir()) == sorted(
        [MANIFEST, *(f"f{i}" for i in range(9))]
    )
    for i in range(9):
        assert (target / f"f{i}").read_text() == stamp * 999
    return stamp


def test_a_new_folder_is_written_and_an_old_one_replaced_whole(tmp_path: Path) -> None:
    target = tmp_path / "a" / "out"
    publish(target, {MANIFEST: b"1", "old": b"x"})
    publish(target, {MANIFEST: b"2", "new": b"y"})
    assert {p.name: p.read_bytes() for p in target.iterdir()} == {MANIFEST: b"2", "new": b"y"}
    assert [p.name for p in target.parent.iterdir()] == ["out"]


def test_killed_writers_leave_whole_outputs(tmp_path: Path) -> None:
    target = tmp_path / "out"
    chance = random.Random(1)
    for round_number in range(30):
        process = subprocess.Popen(
            [sys.executable, "-c", WRITER, str(target), f"round{round_number}"],
            stdout=subprocess.PIPE,
        )
        assert process.stdout is not None
        process.stdout.readline()
        time.sleep(chance.uniform(0.0, 0.03))
        process.send_signal(signal.SIGKILL)
        process.wait()
        process.stdout.close()
        if target.exists():
            whole(target)
    publish(target, {MANIFEST: b"end"})
    assert [p.name for p in tmp_path.iterdir()] == ["out"]


def write_often(target: Path, stamp: str) -> None:
    files = {MANIFEST: stamp.encode(), **{f"f{i}": stamp.encode() * 999 for i in range(9)}}
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
        publish(tmp_path, {MANIFEST: b"1"})
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
    publish(target, {MANIFEST: b"old"})
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
            publish(target, {MANIFEST: b"new", "more": b"x"})
        assert {p.name: p.read_bytes() for p in target.iterdir()} == {MANIFEST: b"old"}
        assert [p.name for p in tmp_path.iterdir()] == ["out"]


def test_the_manifest_name_is_what_marks_our_folders(tmp_path: Path) -> None:
    target = tmp_path / "out"
    publish(target, {MANIFEST: json.dumps({}).encode()})
    check_target(target)
