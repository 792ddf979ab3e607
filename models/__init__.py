"""Neural networks: graphs of ops and buffers, readers of model files, a zoo."""

import models._interrupt  # noqa: F401  first: Ctrl-C may strike while the rest is loaded
from models.builder import GraphBuilder
from models.errors import InvalidModelError, UnsupportedModelError
from models.formats import load
from models.graph import Buffer, BufferId, Graph, Op, OpId, Source, Weight

__all__ = [
    "Buffer",
    "BufferId",
    "Graph",
    "GraphBuilder",
    "InvalidModelError",
    "Op",
    "OpId",
    "Source",
    "UnsupportedModelError",
    "Weight",
    "load",
]
