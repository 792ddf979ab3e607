"""How much memory of a device counts."""

from __future__ import annotations

import pytest

from solver.devices import Bank, BankKind, Device, catalogue, find, parse_spec
from solver.fitting import Arena, room_of


def test_a_device_of_the_catalogue() -> None:
    room = room_of(find("stm32h743"))
    assert room.arena == Arena(("AXI SRAM",), 512 << 10)
    assert room.usable == 512 << 10
    assert room.most == room.limit == find("stm32h743").on_chip > room.usable
    assert not room.is_complete
    assert room.omitted == "ITCM, backup SRAM"


def test_every_arena_of_the_catalogue_is_what_the_device_says() -> None:
    for device in catalogue():
        room = room_of(device)
        assert room.arena.size == device.arena_with_tcm
        assert room.usable <= room.most == device.on_chip
        assert room.is_complete == device.is_complete == (not room.omitted)


def test_contiguous_sram_and_tcm_are_one_arena() -> None:
    room = room_of(find("stm32f746"))
    assert room.arena.size == 320 << 10
    assert len(room.arena.banks) > 1
    assert room.arena.name == "+".join(room.arena.banks)


def test_reserve_is_taken_from_both_figures() -> None:
    room = room_of(find("pico"), reserve=1000)
    assert room.usable == room.arena.size - 1000
    assert room.limit == room.most - 1000
    full = room_of(find("pico"), reserve=1 << 30)
    assert full.usable == 0
    assert full.limit < 0
    with pytest.raises(ValueError, match="reserve must be at least 0 bytes, not -1"):
        room_of(find("pico"), reserve=-1)


def test_external_memory_counts_if_asked_for() -> None:
    board = find("STM32F746G-DISCO")
    inside, outside = room_of(board), room_of(board, external=True)
    assert outside.usable == board.external > inside.usable
    assert outside.most == inside.most + board.external


def test_a_description_is_taken_at_its_word() -> None:
    device = parse_spec("sram=300,tcm=200")
    one = room_of(device, exact=True)
    assert (one.usable, one.most, one.omitted) == (300, 300, "")
    several = room_of(device, exact=True, several=True)
    assert (several.usable, several.most) == (300, 500)
    assert [arena.size for arena in several.arenas] == [300, 200]


def test_accelerator_memory_counts_where_there_is_no_other() -> None:
    assert room_of(parse_spec("accelerator=100"), exact=True).usable == 100
    assert room_of(parse_spec("accelerator=100,sram=30"), exact=True).usable == 30


def test_a_device_without_memory_for_data() -> None:
    device = Device("d", "v", "t", (Bank("code", 100, BankKind.CODE),))
    room = room_of(device)
    assert (room.usable, room.arena, room.most) == (0, Arena((), 0), 100)
