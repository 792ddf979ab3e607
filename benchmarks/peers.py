"""Figures of other schedulers on networks of the registry."""

from __future__ import annotations

from dataclasses import dataclass

_HMCOS = (
    "HMCOS: Wang et al., DAC 2022; C++, a two-level dynamic program without a proof. Its figures "
    "are for the same networks, on one core of a shared machine"
)


@dataclass(frozen=True, slots=True)
class Peer:
    """What another scheduler reached.

    Attributes
    ----------
    instance : str
        Name in the registry.
    scheduler : str
        What it is called.
    source : str
        Where the figures are from.
    peak_bytes : int or None
        None if it gave no answer.
    seconds : float or None
        Its time.
    """

    instance: str
    scheduler: str
    source: str
    peak_bytes: int | None
    seconds: float | None


def _hmcos(instance: str, kilobytes: int | None, seconds: float | None) -> Peer:
    peak = None if kilobytes is None else kilobytes * 1024
    return Peer(instance, "HMCOS", _HMCOS, peak, seconds)


PEERS = (
    _hmcos("nasnet_a_hmcos", 1984, 15.3),
    _hmcos("pnasnet_hmcos", 1664, 11.1),
    _hmcos("amoebanet_a_hmcos", 1440, 1.6),
    _hmcos("darts_hmcos", 1584, 0.12),
)
