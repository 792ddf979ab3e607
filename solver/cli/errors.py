"""What ends a command with one line on stderr."""


class InputError(Exception):
    """Something the user can put right. The message names it and the cure."""


def one_line(text: str) -> str:
    """Text without line breaks and other control characters."""
    return "".join(c if c.isprintable() else " " for c in " ".join(text.split()))
