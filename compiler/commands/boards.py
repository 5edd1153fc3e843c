"""`gatec boards` and `gatec targets`: what there is."""

from __future__ import annotations

import click

from gatec.boards import list_boards, load_board
from gatec.devices.targets import TARGETS
from gatec.liberty.named import NAMED


@click.command()
def boards() -> None:
    """List the boards that --board knows, each with target, device, package and oscillator."""
    for name in list_boards():
        board = load_board(name)
        device = f"{board.device.name}-{board.package}"
        clock = f"{board.clock_mhz:g} MHz"
        click.echo(f"{name:<16}  {board.target:<8}  {device:<17}  {clock:<6}  {board.description}")


@click.command()
def targets() -> None:
    """List the targets, their devices (* the default) and packages (the default first)."""
    for target in TARGETS.values():
        click.echo(f"{target.name}: {target.description}")
        if target.name == "asic":
            for library in NAMED.values():
                click.echo(f"   {library.name:<9} {library.description}")
        for device in target.devices.values():
            packages = sorted(device.packages, key=lambda name: (name != device.package, name))
            default = "*" if device.name == target.device else " "
            name = f"{device.name:<10} {device.luts:>5} LUTs"
            click.echo(f" {default} {name}  {' '.join(packages)}")
