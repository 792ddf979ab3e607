"""The device catalogue: what it states, what it refuses, how devices are found."""

from __future__ import annotations

import re
from importlib import resources
from typing import TYPE_CHECKING, Any

import pytest

from solver.devices import (
    Bandwidth,
    Bank,
    BankKind,
    Citation,
    Device,
    DeviceError,
    UnknownDeviceError,
    catalogue,
    find,
    is_spec,
    load_file,
    parse_spec,
)
from solver.devices.catalogue import index
from solver.devices.names import key_of, nearest_names
from solver.devices.reader import read_devices

if TYPE_CHECKING:
    from pathlib import Path

KB = 1024
DEVICES = catalogue()

MINIMAL = """
[[device]]
name = "X1"
vendor = "V"
title = "T"
banks = [{ name = "A", size = "64KB" }]
"""


def device(
    *banks: Bank, aliases: tuple[str, ...] = (), ram: int | None = None, unlisted: str = ""
) -> Device:
    banks = banks or (Bank("A", 8, BankKind.SRAM),)
    return Device("X1", "V", "T", banks, aliases=aliases, ram=ram, unlisted=unlisted)


def sram(name: str, size: int, base: int | None = None, usable: int | None = None) -> Bank:
    return Bank(name, size, BankKind.SRAM, base, usable)


# The catalogue


def test_catalogue_is_broad() -> None:
    assert len(DEVICES) >= 40
    families = "stm32f4 stm32f7 stm32h5 stm32h7 stm32n6 stm32u5 stm32l4 nrf52 nrf53 nrf54 esp32s3"
    families += " esp32p4 rp2040 rp2350 rt1050 rt1060 rt1170 rt595 max78000 corstone300 gap8 gap9"
    names = [key_of(name) for device in DEVICES for name in (device.name, *device.aliases)]
    for family in families.split():
        assert any(name.startswith(family) for name in names), family


@pytest.mark.parametrize("device", DEVICES, ids=lambda device: key_of(device.name))
def test_every_figure_has_a_source_that_names_a_document(device: Device) -> None:
    for figure in device.figures:
        source = device.source_of(figure)
        assert source is not None, figure
        pinned = re.match(r"[\w.-]+/[\w.-]+@[0-9a-f]{12}: [\w./-]+\.\w+", source)
        assert pinned or source.startswith(("ST RM", "AmbiqSuite release_")), source


@pytest.mark.parametrize("device", DEVICES, ids=lambda device: key_of(device.name))
def test_memory_of_every_device_is_consistent(device: Device) -> None:
    assert device.arena <= device.sram <= device.on_chip
    assert max(device.arena, device.tcm) <= device.arena_with_tcm <= device.on_chip
    assert device.arena == longest_chain(device.banks_of(BankKind.SRAM))
    assert device.tcm == longest_chain(device.banks_of(BankKind.TCM))
    inside = BankKind.SRAM, BankKind.TCM, BankKind.ACCELERATOR
    assert device.banks_of(*inside), "nothing to hold activations"


def longest_chain(banks: tuple[Bank, ...]) -> int:
    """Follow adjoining banks one by one from every bank."""
    best = 0
    for bank in banks:
        end, size = bank, bank.free
        while True:
            if end.base is None or end.free < end.size:
                break
            after = [b for b in banks if b.base == end.base + end.size and b.free == b.size]
            if not after:
                break
            end, size = after[0], size + after[0].size
        best = max(best, size)
    return best


def test_names_and_aliases_are_unique() -> None:
    keys = [key_of(name) for device in DEVICES for name in {device.name, *device.aliases}]
    assert len(keys) == len(set(keys))


def test_files_of_the_catalogue_are_found_as_package_data() -> None:
    names = {entry.name for entry in resources.files("solver.devices").iterdir()}
    assert sum(name.endswith(".toml") for name in names) >= 5


@pytest.mark.parametrize(
    ("name", "arena", "together", "tcm"),
    [
        # Device trees and board documents as cited in the catalogue.
        ("nrf52840", 256, 256, 0),
        ("stm32h743", 512, 864, 128),  # AXI SRAM apart from D2 and D3
        ("stm32f746", 256, 256, 64),
        ("stm32h563", 640, 644, 0),  # three banks in a row, backup SRAM apart
        ("rt1060", 768, 768, 128),  # OCRAM2 and OCRAM in a row
        ("corstone-300", 4096, 6144, 512),
        ("pico", 264, 264, 0),
        ("sm8350", 0, 0, 4096),
    ],
)
def test_memory_of_well_known_devices(name: str, arena: int, together: int, tcm: int) -> None:
    found = find(name)
    assert (found.arena, found.sram, found.tcm) == (arena * KB, together * KB, tcm * KB)


def test_arena_may_span_tcm_only_where_it_adjoins() -> None:
    assert find("stm32f746").arena_with_tcm == 320 * KB
    assert find("stm32h743").arena_with_tcm == 512 * KB


def test_board_extends_its_chip() -> None:
    chip, board = find("STM32F746NG"), find("STM32F746G-DISCO")
    assert board.banks[:-1] == chip.banks
    assert (board.arena, board.flash, board.core) == (chip.arena, chip.flash, chip.core)
    assert (chip.external, board.external) == (0, 8 << 20)
    assert find("pico").flash == 2 << 20
    assert "pico.h" in (find("pico").source_of("flash") or "")


# Finding


@pytest.mark.parametrize("name", ["stm32h743", "STM32H743ZI", "stm32h743-zi", " STM32 H743 "])
def test_find_ignores_case_and_punctuation(name: str) -> None:
    assert find(name).name == "STM32H743ZI"


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("stm32h743zit6", "STM32H743ZI"),
        ("stm32h734", "STM32H743ZI"),
        ("nrf5284", "nRF52840"),
        ("raspberry", "Raspberry Pi Pico"),
    ],
)
def test_unknown_name_gives_the_nearest(typed: str, meant: str) -> None:
    with pytest.raises(UnknownDeviceError) as caught:
        find(typed)
    assert meant in caught.value.nearest
    assert meant in str(caught.value)
    assert isinstance(caught.value, ValueError)


@pytest.mark.parametrize("name", ["", "   ", "-", "q" * 10_000, "\n", "☃"])
def test_hopeless_names_give_one_short_line(name: str) -> None:
    with pytest.raises(UnknownDeviceError) as caught:
        find(name)
    assert len(str(caught.value)) < 300
    assert str(caught.value).isprintable()


def test_nearest_names_are_few_and_distinct() -> None:
    near = nearest_names("stm32", {key_of(name): "same" for name in ("stm32a", "stm32b")})
    assert near == ("same",)


def test_index_refuses_a_name_of_two_devices() -> None:
    one, two = device(aliases=("both",)), Device("X2", "V", "T", (sram("A", 8),), ("BOTH",))
    with pytest.raises(DeviceError, match="X2: 'BOTH' also names X1"):
        index([one, two])


# Runs of banks


def test_runs_join_consecutive_addresses_only() -> None:
    x = device(sram("c", 4, 28), sram("a", 16, 0), sram("b", 8, 16), sram("d", 100))
    assert [[bank.name for bank in run] for run in x.runs(BankKind.SRAM)] == [
        ["d"],
        ["a", "b"],
        ["c"],
    ]
    assert (x.arena, x.sram) == (100, 128)


def test_bank_of_another_kind_does_not_join() -> None:
    x = device(sram("a", 16, 0), Bank("t", 16, BankKind.TCM, 16), sram("b", 16, 32))
    assert (x.arena, x.tcm, x.arena_with_tcm) == (16, 16, 48)


def test_bank_that_is_partly_taken_joins_nothing() -> None:
    x = device(sram("a", 16, 0, usable=12), sram("b", 8, 16))
    assert (x.arena, x.sram, x.on_chip) == (12, 20, 24)


def test_bank_without_usable_bytes_counts_for_nothing() -> None:
    x = device(sram("a", 16, 0, usable=0))
    assert (x.arena, x.sram, x.on_chip) == (0, 0, 16)


def test_bank_at_address_zero_has_an_address() -> None:
    assert device(sram("b", 8, 0), sram("a", 8, 8)).arena == 16
    assert device(sram("b", 8, 0), sram("a", 8)).arena == 8


def test_on_chip_is_an_upper_bound() -> None:
    code = Bank("code", 32, BankKind.CODE)
    external = Bank("psram", 1000, BankKind.EXTERNAL)
    x = device(sram("a", 16), code, external)
    assert (x.on_chip, x.external, x.is_complete) == (48, 1000, False)
    assert device(sram("a", 16), ram=20).on_chip == 20
    assert device(sram("a", 16), ram=20).is_complete
    assert not device(sram("a", 16), ram=20, unlisted="more").is_complete


# Refused by the dataclasses


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"name": ""}, "name must be one line"),
        ({"name": "a\nb"}, "name must be one line"),
        ({"size": 0}, "size of bank 'A' must be from 1"),
        ({"size": -5}, "size of bank 'A' must be from 1 .* not -5"),
        ({"size": 1.5}, "size of bank 'A' must be a whole number, not 1.5"),
        ({"size": True}, "size of bank 'A' must be a whole number, not True"),
        ({"size": 2**60}, "size of bank 'A' must be from 1"),
        ({"base": -1}, "base of bank 'A' must be from 0"),
        ({"base": 2**60}, "base of bank 'A' must be from 0"),
        ({"usable": 9}, "usable of bank 'A' must be from 0 to 8, not 9"),
        ({"usable": -1}, "usable of bank 'A' must be from 0"),
        ({"access": ("cpu", "gpu")}, "access of bank 'A' must be some of cpu, dma, accelerator"),
        ({"access": ("cpu", "cpu")}, "access of bank 'A'"),
    ],
)
def test_bank_refuses(given: dict[str, Any], message: str) -> None:
    with pytest.raises(DeviceError, match=message):
        Bank(**{"name": "A", "size": 8, "kind": BankKind.SRAM, **given})


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"name": " "}, "name must be one line"),
        ({"vendor": ""}, "vendor must be one line"),
        ({"title": 3}, "title must be text, not 3"),
        ({"banks": ()}, "banks is empty"),
        ({"banks": (sram("A", 8), sram("a", 8))}, "banks has 'a' twice"),
        (
            {"banks": (sram("A", 8, 0), sram("B", 8, 7))},
            "base of bank 'B' is 0x7, .* 'A' ends at 0x8",
        ),
        ({"banks": (sram("A", 8, 0), Bank("B", 2, BankKind.CODE, 3))}, "base of bank 'B' is 0x3"),
        ({"aliases": ("x-1",)}, "aliases has 'x-1' twice"),
        ({"aliases": ("y", "Y")}, "aliases has 'Y' twice"),
        ({"ram": 4}, "size of bank 'A' is 8, more than the whole ram of 4"),
        ({"ram": 12, "banks": (sram("A", 8), sram("B", 8))}, "add up to 16, .* ram of 12"),
        ({"ram": 0}, "ram must be from 1"),
        ({"flash": -1}, "flash must be from 1 .* not -1"),
        ({"clock_hz": 0}, "clock_mhz must be from 1"),
        ({"bandwidths": (Bandwidth("B", 1),)}, "memory of bandwidth 'B' is no bank"),
        ({"bandwidths": (Bandwidth("A", 1), Bandwidth("A", 2))}, "bandwidths has 'A' twice"),
        ({"citations": (Citation("flash", "s"),)}, "source for 'flash', which is no figure given"),
        ({"citations": (Citation("bank A", "s"),) * 2}, "two sources for 'bank A'"),
        ({"citations": (Citation("bank A", ""),)}, "source of bank A must be one line"),
    ],
)
def test_device_refuses(given: dict[str, Any], message: str) -> None:
    usual = {"name": "X1", "vendor": "V", "title": "T", "banks": (sram("A", 8),)}
    with pytest.raises(DeviceError, match=message):
        Device(**{**usual, **given})


def test_external_memory_is_not_part_of_the_total() -> None:
    assert device(sram("A", 8), Bank("E", 99, BankKind.EXTERNAL), ram=8).on_chip == 8


def test_bandwidth_refuses_standstill() -> None:
    with pytest.raises(DeviceError, match="bytes_per_second of bandwidth 'A' must be from 1"):
        Bandwidth("A", 0)


# Refused by the reader: every message names file, part, key and value


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("V", "V\\nW"), r"f.toml: X1: vendor must be one line of text, not 'V\\nW'"),
        (('"V"', "7"), "f.toml: X1: vendor must be text, not 7"),
        (('vendor = "V"', ""), "f.toml: X1: vendor is missing"),
        (('name = "X1"', ""), "f.toml: device 1: name is missing"),
        (('title = "T"', 'titel = "T"'), "f.toml: X1: a device has an unknown key 'titel'"),
        (("[[device]]", "[[chip]]"), "f.toml: the file has an unknown key 'chip'"),
        ((MINIMAL, ""), "f.toml: device is missing"),
        (("[[device]]", "[device]"), "f.toml: device must be a list of tables"),
        (("size", "sise"), "f.toml: X1: bank 'A' has an unknown key 'sise'"),
        ((', size = "64KB"', ""), "f.toml: X1: size of bank 'A' is missing"),
        (('"64KB"', '"64XB"'), "f.toml: X1: size of bank 'A': '64XB' has an unknown unit"),
        (('"64KB"', '"-64KB"'), "f.toml: X1: size of bank 'A': '-64KB' is not above zero"),
        (('"64KB"', "-64"), "f.toml: X1: size of bank 'A' must be from 1 .* not -64"),
        (('"64KB"', "64.0"), "f.toml: X1: size of bank 'A' must be a whole number, not 64.0"),
        (('"64KB"', "true"), "f.toml: X1: size of bank 'A' must be a whole number, not True"),
        (('"64KB"', "[64]"), "f.toml: X1: size of bank 'A' must be a whole number"),
        (('"64KB"', '64, kind = "ram"'), "kind of bank 'A' must be one of sram, .* not 'ram'"),
        (('"64KB"', "64, kind = 1"), "kind of bank 'A' must be one of"),
        (('"64KB"', '64, base = "0x0"'), "base of bank 'A' must be a whole number, not '0x0'"),
        (('"64KB"', '64, access = "cpu"'), "access of bank 'A' must be a list of texts"),
        (('"64KB"', "64, access = [1]"), "an item of access of bank 'A' must be text, not 1"),
        (("[{ name", "[1, { name"), "f.toml: X1: an item of banks must be a table, not 1"),
        (('"T"', '"T"\nclock_mhz = "fast"'), "X1: clock_mhz must be a number of MHz, not 'fast'"),
        (('"T"', '"T"\nclock_mhz = 0'), "X1: clock_mhz must be above 0 .* not 0"),
        (('"T"', '"T"\nclock_mhz = nan'), "X1: clock_mhz must be above 0 .* not nan"),
        (('"T"', '"T"\nflash = { size = 1 }'), "X1: flash has an unknown key 'size'"),
        (('"T"', '"T"\nflash = { source = "s" }'), "X1: flash: value is missing"),
        (('"T"', '"T"\naliases = "x"'), "X1: aliases must be a list of texts, not 'x'"),
        (('"T"', '"T"\nram = "32KB"'), "size of bank 'A' is 65536, more than .* ram of 32768"),
        (
            ('"T"', '"T"\nextends = "Y"'),
            "f.toml: X1: extends is 'Y', which is no device further up",
        ),
        (('"T"', '"T"\nbandwidths = [{ memory = "A" }]'), "bytes_per_second of bandwidth 'A' must"),
        (('"T"', '"T" x'), "f.toml: no valid TOML"),
        (('"64KB"', "9" * 5000), "f.toml: no valid TOML"),
        (('"64KB"', "[" * 5000), "f.toml: no valid TOML"),
    ],
)
def test_reader_refuses_in_one_line(change: tuple[str, str], message: str) -> None:
    text = MINIMAL.replace(*change, 1)
    assert text != MINIMAL
    with pytest.raises(DeviceError, match=message) as caught:
        read_devices(text, "f.toml")
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 400


def test_reader_refuses_two_devices_of_one_name() -> None:
    with pytest.raises(DeviceError, match=r"f.toml: x-1: name 'x-1' is given to two devices"):
        read_devices(MINIMAL + MINIMAL.replace("X1", "x-1"), "f.toml")


@pytest.mark.parametrize(
    ("sources", "cited", "message"),
    [
        ('a = "book"', '"b"', "X1: source of bank A is 'b', which is no key of sources"),
        ('a = "book"\nb = "other"', '"a"', "sources: 'b' is cited nowhere"),
        ("a = 1", '"a"', "sources: a must be text, not 1"),
        ('a = "book"', "1", "X1: source must be text, not 1"),
    ],
)
def test_reader_refuses_loose_sources(sources: str, cited: str, message: str) -> None:
    device = MINIMAL.replace('title = "T"', f'title = "T"\nsource = {cited}')
    with pytest.raises(DeviceError, match=message):
        read_devices(f"[sources]\n{sources}\n{device}", "f.toml")


def test_sources_of_single_figures_win_over_that_of_the_device() -> None:
    (read,) = read_devices(
        '[sources]\na = "book A"\nb = "book B"\n'
        + MINIMAL.replace(
            'title = "T"', 'title = "T"\nsource = "a"\nflash = { value = "1MB", source = "b" }'
        ),
        "f.toml",
    )
    assert (read.flash, read.source_of("flash")) == (1 << 20, "book B")
    assert read.source_of("bank A") == "book A"


def test_unsourced_figure_of_an_extension_drops_the_source_of_the_base() -> None:
    board = '[[device]]\nname = "B"\ntitle = "B"\nextends = "X1"\nflash = "2MB"\n'
    chip = MINIMAL.replace('title = "T"', 'title = "T"\nsource = "book"\nflash = "1MB"')
    _, read = read_devices(chip + board, "f.toml")
    assert (read.flash, read.source_of("flash")) == (2 << 20, None)
    assert read.source_of("bank A") == "book"


# Files of the user


def test_load_file(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(MINIMAL)
    assert load_file(path).arena == 64 * KB
    assert load_file(str(path), "x1").name == "X1"
    path.write_bytes(b"\xef\xbb\xbf" + MINIMAL.encode())
    assert load_file(path).name == "X1"


def test_load_file_extends_a_device_of_the_catalogue(tmp_path: Path) -> None:
    path = tmp_path / "board.toml"
    bank = '{ name = "PSRAM", kind = "external", size = "8MB" }'
    path.write_text(
        f'[[device]]\nname = "My board"\ntitle = "T"\nextends = "stm32h743"\nbanks = [{bank}]\n'
    )
    board = load_file(path)
    assert (board.arena, board.external) == (512 * KB, 8 << 20)
    path.write_text(path.read_text().replace("stm32h743", "stm32h734"))
    with pytest.raises(DeviceError, match=r"board.toml: My board: extends is .* STM32H743ZI"):
        load_file(path)


def test_load_file_wants_a_name_where_there_are_several(tmp_path: Path) -> None:
    path = tmp_path / "two.toml"
    path.write_text(MINIMAL + MINIMAL.replace("X1", "X2"))
    assert load_file(path, "X2").name == "X2"
    with pytest.raises(DeviceError, match=r"two.toml: device is not unique, name one of X1, X2"):
        load_file(path)
    with pytest.raises(UnknownDeviceError, match="nearest: X1"):
        load_file(path, "X")


def test_load_file_refuses_what_it_cannot_read(tmp_path: Path) -> None:
    with pytest.raises(DeviceError, match=r"none.toml: cannot be read: No such file"):
        load_file(tmp_path / "none.toml")
    with pytest.raises(DeviceError, match="cannot be read: Is a directory"):
        load_file(tmp_path)
    with pytest.raises(DeviceError, match="cannot be read"):
        load_file("a\0b")
    path = tmp_path / "bad.toml"
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(DeviceError, match=r"bad.toml: no UTF-8 text \(byte 0\)"):
        load_file(path)
    path.write_bytes(b"#" * ((1 << 20) + 1))
    with pytest.raises(DeviceError, match=r"bad.toml: more than 1048576 bytes"):
        load_file(path)
    alias = 'title = "T"\naliases = ["same"]'
    text = MINIMAL.replace('title = "T"', alias)
    path.write_text(text + text.replace("X1", "X2"))
    with pytest.raises(DeviceError, match=r"bad.toml: X2: 'same' also names X1"):
        load_file(path)


# Sizes on the command line


def test_parse_spec() -> None:
    x = parse_spec("sram=320KB, flash=1MB,TCM=64KB,external=8MB")
    assert (x.arena, x.tcm, x.external, x.flash) == (320 * KB, 64 * KB, 8 << 20, 1 << 20)
    assert (x.on_chip, x.is_complete) == (384 * KB, True)
    assert parse_spec("tcm=1.5KB").arena == 0
    assert parse_spec("accelerator=512KB").on_chip == 512 * KB


def test_specs_are_told_from_names() -> None:
    assert is_spec("sram=320KB")
    assert not any(is_spec(n) for device in DEVICES for n in (device.name, *device.aliases))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "'' is no size of"),
        ("sram", "'sram' is no size of sram, tcm, accelerator, external, flash"),
        ("sram=1KB,", "'' is no size of"),
        ("ram=1KB", "'ram=1KB' is no size of"),
        ("sram=1KB,SRAM=2KB", "sram is given twice"),
        ("sram=", "sram: an empty text is no size"),
        ("sram=0", "sram: '0' is not above zero"),
        ("sram=-1KB", "sram: '-1KB' is not above zero"),
        ("sram=1KB=2", "sram: '1KB=2' is no size"),
        ("sram=1XB", "sram: '1XB' has an unknown unit"),
        ("sram=0.3", "sram: '0.3' is not a whole number of bytes"),
        ("sram=9000000000GB", "size of bank 'sram'|more than any memory"),
        ("sram=1000000GB", "size of bank 'sram' must be from 1"),
        ("flash=1MB", "has no sram, tcm or accelerator memory"),
        ("external=8MB", "has no sram, tcm or accelerator memory"),
        ("sram=1KB," * 100, "is too long"),
    ],
)
def test_parse_spec_refuses(text: str, message: str) -> None:
    with pytest.raises(DeviceError, match=message) as caught:
        parse_spec(text)
    assert str(caught.value).isprintable()
