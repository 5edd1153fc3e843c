"""Flashing: the command, a missing programmer, one that fails, one that hangs."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from gatec.boards import list_boards, load_board
from gatec.boards.flash import flash, flash_command
from gatec.errors import ToolError

BOARD = load_board("icestick")


@pytest.fixture
def programmer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A stand-in for iceprog, first on PATH; write a script to it to use it."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")
    return folder / "iceprog"


def install(path: Path, script: str) -> None:
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


@pytest.mark.parametrize("name", list_boards())
def test_command_names_the_bitstream(name: str) -> None:
    board = load_board(name)
    command = flash_command(board, Path("out/a b.bin"))
    assert command[0] == board.flash_command[0]
    assert command.count("out/a b.bin") == 1


def test_orangecrab_is_programmed_through_its_usb_bootloader() -> None:
    command = flash_command(load_board("orangecrab_85f"), Path("x.bit"))
    assert command == ["dfu-util", "-d", "1209:5af0", "-a", "0", "-D", "x.bit"]


def test_programmer_gets_the_bitstream(tmp_path: Path, programmer: Path) -> None:
    bitstream = tmp_path / "a b.bin"
    bitstream.write_bytes(b"bits")
    install(programmer, f'echo "$# $1"; cat "$1" > {tmp_path}/flashed')
    assert flash(BOARD, bitstream) == f"1 {bitstream}\n"
    assert (tmp_path / "flashed").read_bytes() == b"bits"


def test_missing_programmer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ToolError, match="^iceprog: not found; expected apt install fpga-icestorm$"):
        flash(BOARD, tmp_path / "x.bin")


def test_failing_programmer(tmp_path: Path, programmer: Path) -> None:
    install(programmer, 'echo init..; echo "Can\'t find iCE FTDI USB device" >&2; echo; exit 2')
    with pytest.raises(ToolError) as caught:
        flash(BOARD, tmp_path / "x.bin")
    assert str(caught.value) == (
        "iceprog: exit code 2: Can't find iCE FTDI USB device; "
        "expected a connected Lattice iCEstick Evaluation Kit"
    )


def test_programmer_that_cannot_start_or_end(tmp_path: Path, programmer: Path) -> None:
    install(programmer, "exec sleep 60")
    with pytest.raises(ToolError, match=r"^iceprog: icestick: not done after 0\.2 s$"):
        flash(BOARD, tmp_path / "x.bin", timeout=0.2)
    programmer.write_bytes(b"\x7fELF, but not really")
    with pytest.raises(ToolError, match="^iceprog: cannot be started: Exec format error$"):
        flash(BOARD, tmp_path / "x.bin")
    programmer.unlink()
    directory = replace(BOARD, flash_command=(str(tmp_path), "{bitstream}"))
    with pytest.raises(ToolError, match="not found"):
        flash(directory, tmp_path / "x.bin")
