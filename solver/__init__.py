"""Exact schedules for neural networks on small memories."""

import models._interrupt  # noqa: F401  first: Ctrl-C may strike while the rest is loaded
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
