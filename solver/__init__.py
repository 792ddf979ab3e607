"""Exact schedules for neural networks on small memories."""

from solver._version import __version__
from solver.limits import Limits, Observer
from solver.memory import MemoryRules
from solver.peak import minimize_peak
from solver.plan import Plan, Status

__all__ = [
    "Limits",
    "MemoryRules",
    "Observer",
    "Plan",
    "Status",
    "__version__",
    "minimize_peak",
]
