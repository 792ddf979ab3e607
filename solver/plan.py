"""What every solver returns, and its JSON form. Attributes of a plan are the keys of the JSON."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

SCHEMA = 1


class Status(StrEnum):
    """How much is known about a plan."""

    OPTIMAL = "optimal"
    FEASIBLE = "feasible"
    INFEASIBLE = "infeasible"
    UNKNOWN = "unknown"


class PlanError(ValueError):
    """A plan file that is no plan, or contradicts itself."""


@dataclass(frozen=True, slots=True)
class Plan:
    """An order, what it needs, what is proven about it.

    Attributes
    ----------
    schema : int
        Version of this format.
    model : str
        Name or path of the network.
    problem : str
        ``"peak"`` or ``"traffic"``.
    status : Status
        OPTIMAL iff ``peak_bytes`` (or ``traffic_bytes``) equals ``lower_bound_bytes``.
    limit : str or None
        Limit that stopped the solver: ``"time"``, ``"memory"``, ``"interrupt"``, ``"nodes"``.
    budget_bytes, tcm_bytes : int or None
        What was asked for.
    fits : bool or None
        Whether some order fits the budget: proven, refuted, or None when undecided or not asked.
    peak_bytes, lower_bound_bytes : int
        Peak of ``order``; no order needs less than the bound. Of a plan of least traffic: the most
        bytes of TCM in use, and traffic that no plan goes below.
    arena_bytes, offsets : int or None, mapping of str to int or None
        The arena, and where in it each buffer begins. ``fits`` is about the arena then. Of a plan
        of least traffic: the bytes of TCM that its offsets need; ``offsets`` only if every buffer
        is always in the same place, ``tcm_offsets`` in any case.
    order : tuple of str
        Op names.
    traffic_bytes, compulsory_bytes : int or None
        Bytes moved between TCM and external memory; the part that no plan avoids.
    steps : tuple of mapping or None
        One key each: ``load``, ``store``, ``evict`` or ``stream`` a buffer, or ``run`` an op.
    tcm_offsets : tuple of (str, int, int, int) or None
        For each time that a buffer is in the TCM: its name, the position of the step with which it
        comes, that of the step with which it goes (or the number of steps), and its offset.
    baselines : mapping of str to int
        Peaks (or traffic) of simple orders, in bytes.
    seconds : float
        Time the solver took.
    certificate : mapping
        Evidence for the bound, see :mod:`solver.verify`.
    options : mapping
        Memory rules and reading options under which all of this holds; weights that a plan of
        least traffic pins, by name (``pinned``).
    curve : tuple of (float, int, int)
        Seconds, peak and bound after each improvement of either.
    warnings : tuple of str
        What the reader or solver could not account for.
    versions : mapping
        Versions of the software involved.
    """

    model: str
    problem: str
    status: Status
    peak_bytes: int
    lower_bound_bytes: int
    order: tuple[str, ...]
    limit: str | None = None
    budget_bytes: int | None = None
    tcm_bytes: int | None = None
    fits: bool | None = None
    arena_bytes: int | None = None
    offsets: Mapping[str, int] | None = None
    traffic_bytes: int | None = None
    compulsory_bytes: int | None = None
    steps: tuple[Mapping[str, str], ...] | None = None
    tcm_offsets: tuple[tuple[str, int, int, int], ...] | None = None
    baselines: Mapping[str, int] = field(default_factory=dict)
    seconds: float = 0.0
    certificate: Mapping[str, Any] = field(default_factory=dict)
    options: Mapping[str, Any] = field(default_factory=dict)
    curve: tuple[tuple[float, int, int], ...] = ()
    warnings: tuple[str, ...] = ()
    versions: Mapping[str, str] = field(default_factory=dict)
    schema: int = SCHEMA

    def __post_init__(self) -> None:
        if self.schema != SCHEMA:
            raise PlanError(f"plan schema {self.schema!r} is not {SCHEMA}")
        what, least = "peak", self.peak_bytes
        if self.problem == "traffic":
            if self.traffic_bytes is None:
                if self.status not in (Status.INFEASIBLE, Status.UNKNOWN):
                    raise PlanError(f"status {self.status.value!r} without any traffic")
                return
            what, least = "traffic", self.traffic_bytes
        if self.lower_bound_bytes > least:
            raise PlanError(f"lower bound {self.lower_bound_bytes} exceeds the {what} {least}")
        if (self.status == Status.OPTIMAL) != (self.lower_bound_bytes == least):
            raise PlanError(
                f"status {self.status.value!r} with {what} {least} "
                f"and bound {self.lower_bound_bytes}"
            )

    @property
    def needed_bytes(self) -> int:
        """What is kept small: the traffic, the arena where offsets are planned, or the peak."""
        if self.problem == "traffic":
            return self.traffic_bytes or 0
        return self.peak_bytes if self.arena_bytes is None else self.arena_bytes

    @property
    def is_proven(self) -> bool:
        """Whether nothing needs less, neither another order nor another layout."""
        if self.status in (Status.INFEASIBLE, Status.UNKNOWN):
            return False
        return self.needed_bytes == self.lower_bound_bytes

    @property
    def gap(self) -> float:
        """Relative distance of what is needed from the bound; 0 when proven least."""
        if self.is_proven or not self.needed_bytes:
            return 0.0
        return 1 - self.lower_bound_bytes / self.needed_bytes

    def to_json(self) -> str:
        """One JSON object."""
        values = {f.name: getattr(self, f.name) for f in dataclasses.fields(self)}
        return json.dumps({"schema": values.pop("schema"), **values}, indent=2, ensure_ascii=False)

    @classmethod
    def from_json(cls, text: str) -> Plan:
        """Read what :meth:`to_json` wrote.

        Raises
        ------
        PlanError
            If the text is no JSON object, a key is missing or unknown, or a value has the wrong
            type.
        """
        try:
            values = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise PlanError(f"not JSON: {error}") from None
        if not isinstance(values, dict):
            raise PlanError("not a JSON object")
        known = {f.name for f in dataclasses.fields(cls)}
        missing = known - values.keys()
        unknown = values.keys() - known
        if missing or unknown:
            word, keys = ("missing", missing) if missing else ("unknown", unknown)
            raise PlanError(f"{word} key {min(keys)!r}")
        _check_types(values)
        try:
            values["status"] = Status(values["status"])
        except ValueError:
            raise PlanError(f"unknown status {values['status']!r}") from None
        values["order"] = tuple(values["order"])
        values["curve"] = tuple(map(tuple, values["curve"]))
        values["warnings"] = tuple(values["warnings"])
        if values["steps"] is not None:
            values["steps"] = tuple(values["steps"])
        if values["tcm_offsets"] is not None:
            values["tcm_offsets"] = tuple(map(tuple, values["tcm_offsets"]))
        return cls(**values)


_TYPES: Mapping[type, tuple[str, ...]] = {
    str: ("model", "problem", "status"),
    int: ("schema", "peak_bytes", "lower_bound_bytes"),
    list: ("order", "warnings", "curve"),
    dict: ("baselines", "certificate", "options", "versions"),
}
_OPTIONAL_TYPES: Mapping[type, tuple[str, ...]] = {
    int: ("budget_bytes", "tcm_bytes", "arena_bytes", "traffic_bytes", "compulsory_bytes"),
    str: ("limit",),
    bool: ("fits",),
    dict: ("offsets",),
    list: ("steps", "tcm_offsets"),
}


def _check_types(values: Mapping[str, Any]) -> None:
    for types, optional in ((_TYPES, False), (_OPTIONAL_TYPES, True)):
        for wanted, keys in types.items():
            for key in keys:
                value = values[key]
                if (value is None and optional) or type(value) is wanted:
                    continue
                raise PlanError(f"{key!r} is {value!r}, not {wanted.__name__}")
    if not all(_is_point(point) for point in values["curve"]):
        raise PlanError("'curve' holds something that is not [seconds, peak, bound]")
    if not all(_is_stay(stay) for stay in values["tcm_offsets"] or ()):
        raise PlanError("'tcm_offsets' holds something that is not [buffer, begin, end, offset]")
    if not all(isinstance(name, str) for name in values["order"]):
        raise PlanError("'order' holds something that is no op name")
    if type(values["seconds"]) not in (int, float):
        raise PlanError(f"'seconds' is {values['seconds']!r}, not a number")


def _is_point(point: object) -> bool:
    return (
        isinstance(point, list)
        and len(point) == 3
        and isinstance(point[0], int | float)
        and all(type(size) is int for size in point[1:])
    )


def _is_stay(stay: object) -> bool:
    return (
        isinstance(stay, list)
        and len(stay) == 4
        and isinstance(stay[0], str)
        and all(type(number) is int for number in stay[1:])
    )
