"""What can be wrong with a model file."""


class InvalidModelError(ValueError):
    """The input is not a model, or contradicts itself. The message names the file or the part."""


class UnsupportedModelError(ValueError):
    """A valid model that cannot be scheduled as it stands. The message says what would help."""
