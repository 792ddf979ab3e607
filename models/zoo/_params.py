"""Limits of builder parameters, written into the builders' annotations and checked in one place."""

from __future__ import annotations

import difflib
import inspect
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Literal, get_args, get_origin, get_type_hints

from models.errors import InvalidModelError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from models.zoo._net import Tensor

    Builder = Callable[..., tuple[Tensor, ...]]


@dataclass(frozen=True, slots=True)
class Between:
    """An inclusive range, used as ``Annotated[int, Between(1, 20)]``."""

    low: float
    high: float


def suggestion(word: str, known: Iterable[str]) -> str:
    """Say which known words are near, or which there are if none is."""
    known = tuple(known)
    near = difflib.get_close_matches(word, known, n=3, cutoff=0.5)
    if near:
        return f"did you mean {', '.join(near)}?"
    return f"known: {', '.join(known)}" if known else "there are none"


def parameters(builder: Builder) -> Mapping[str, inspect.Parameter]:
    """Return the keyword parameters of a builder, without the leading ``net``."""
    every = dict(inspect.signature(builder).parameters)
    every.pop("net", None)
    return every


def checked(owner: str, builder: Builder, given: Mapping[str, object]) -> dict[str, Any]:
    """Validate ``given`` against the builder's annotations.

    Text (as it comes from a command line) is converted to the annotated type first.

    Raises
    ------
    InvalidModelError
        On an unknown parameter, a value of the wrong type or one outside its range.
    """
    known = parameters(builder)
    for name in given:
        if name not in known:
            raise InvalidModelError(f"{owner} has no parameter {name!r}: {suggestion(name, known)}")
    hints = get_type_hints(builder, include_extras=True)
    return {name: _checked(owner, name, value, hints[name]) for name, value in given.items()}


def _checked(owner: str, name: str, value: object, hint: object) -> object:
    limits: tuple[object, ...] = ()
    if get_origin(hint) is Annotated:
        hint, *rest = get_args(hint)
        limits = tuple(rest)
    if get_origin(hint) is Literal:
        choices = get_args(hint)
        if value not in choices:
            raise InvalidModelError(
                f"{owner}: {name} must be one of {', '.join(choices)}, not {value!r}"
            )
        return value
    number = _number(owner, name, value, whole=hint is int)
    for limit in limits:
        if isinstance(limit, Between) and not limit.low <= number <= limit.high:
            raise InvalidModelError(
                f"{owner}: {name} must lie between {limit.low} and {limit.high}, not {value}"
            )
    return number


def _number(owner: str, name: str, value: object, *, whole: bool) -> float:
    what = "a whole number" if whole else "a number"
    try:
        if isinstance(value, str):
            return int(value) if whole else float(value)
        if isinstance(value, bool) or not isinstance(value, int if whole else (int, float)):
            raise TypeError
    except (TypeError, ValueError):
        raise InvalidModelError(f"{owner}: {name} must be {what}, not {value!r}") from None
    return value
