"""What the runtimes do with memory, an order and offsets."""

from solver.runtimes.profile import RUNTIMES, Runtime

__all__ = ["RUNTIMES", "Runtime"]
