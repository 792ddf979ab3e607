"""Which of the buffers touched before may still be resident: byte limits on nested sets.

Each *tight* buffer has a slack. Of the tight buffers whose slack is at most ``x``, those kept since
they were last touched have no more than ``x`` bytes, for each ``x`` that is the slack of one.
A limit arises at an op undone: what is kept across it fits beside its operands. That concerns all
buffers touched before it; so those touched earlier come under more limits, and as later limits
cover more, only the least of those that a buffer comes under is needed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

Slack = dict[int, int]


def keep(slack: Slack, size: Sequence[int], k: int) -> bool:
    """Decide that ``k`` has been kept; tell whether it could."""
    room = slack.pop(k)
    left = room - size[k]
    for other, bytes_ in slack.items():
        slack[other] = min(bytes_, left) if bytes_ <= room else bytes_ - size[k]
    return left >= 0


def loosen(slack: Slack, size: Sequence[int]) -> list[int]:
    """Remove limits that others imply; return the buffers that are under none any more."""
    groups: list[tuple[int, list[int], bool]] = []
    most = 0
    for bytes_, members in _groups(slack, slack):
        total = most + sum(size[k] for k in members)
        groups.append((bytes_, members, bytes_ >= total))
        most = min(bytes_, total)
    loose: list[int] = []
    above = -1  # the next limit that is needed
    for bytes_, members, implied in reversed(groups):
        if not implied:
            above = bytes_
        for k in members:
            if above < 0:
                loose.append(k)
                del slack[k]
            else:
                slack[k] = above
    return loose


def most_kept(slack: Mapping[int, int], size: Sequence[int], members: Iterable[int]) -> int:
    """Bytes of the members that can have been kept, at most."""
    most = 0
    for bytes_, group in _groups(slack, members):
        most = min(bytes_, most + sum(size[k] for k in group))
    return most


def shortage(
    limits: Mapping[int, int], slack: Mapping[int, int], size: Sequence[int]
) -> tuple[int, list[int]]:
    """Bytes by which sets that can be kept under ``slack`` exceed other limits, at most.

    Parameters
    ----------
    limits : dict of int to int
        The slack of buffers under the other limits, 0 of those that cannot be kept.
    slack : dict of int to int
        Bytes per tight buffer; of other buffers any number can be kept.
    size : sequence of int
        Bytes per buffer.

    Returns
    -------
    tuple of int and list of int
        The bytes, and the buffers of the largest set over its limit.
    """
    most = exceeded = free = 0
    seen: list[int] = []
    for limit, group in _groups(limits, limits):
        seen += group
        free += sum(size[k] for k in group if k not in slack)
        excess = free + most_kept(slack, size, (k for k in seen if k in slack)) - limit
        if excess > 0:
            exceeded = len(seen)
            most = max(most, excess)
    return most, seen[:exceeded]


def _groups(slack: Mapping[int, int], members: Iterable[int]) -> Iterable[tuple[int, list[int]]]:
    """Members of each slack, the least first."""
    found: dict[int, list[int]] = {}
    for k in members:
        found.setdefault(slack[k], []).append(k)
    return sorted(found.items())
