"""How the verifier says no."""

from __future__ import annotations


class VerificationError(AssertionError):
    """A statement of a plan is false. Never caught by the library."""


def require(holds: bool, statement: str) -> None:
    """Refuse the plan unless ``holds``.

    Raises
    ------
    VerificationError
        With ``statement`` as its message.
    """
    if not holds:
        raise VerificationError(statement)


def require_count(value: object, what: str) -> None:
    """Refuse the plan unless ``value`` is an integer and not negative.

    Raises
    ------
    VerificationError
        Naming ``what`` it counts.
    """
    require(type(value) is int and value >= 0, f"{what}: {value!r} is no count")
