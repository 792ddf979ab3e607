from collections.abc import Callable

class Capsule: ...

def make_space(
    ops: int,
    buffers: int,
    streaming: bool,
    capacity: int,
    live_capacity: int,
    live: int,
    fixed: bytes,
    moves: bytes,
    size: bytes,
    clean: bytes,
    kept: bytes,
    several: bytes,
    lists: bytes,
    spans: bytes,
    need: bytes,
    /,
) -> Capsule: ...
def warm(space: Capsule, steps: int, /) -> bool: ...
def make_search(
    space: Capsule, upper: int, switches: int, greed: int, width: int, sketch: Capsule | None, /
) -> Capsule: ...
def run(
    search: Capsule, states: int, cap: int, callback: Callable[[], bool] | None, /
) -> tuple[int, int, int, int, int]: ...
def moves(search: Capsule, /) -> list[int]: ...
def make_sketch(
    space: Capsule, upper: int, exact: int, waived: int, coarser: Capsule | None, /
) -> Capsule: ...
def run_sketch(
    sketch: Capsule, states: int, cap: int, callback: Callable[[], bool] | None, /
) -> tuple[int, int, int, int]: ...
def sketch_ops(sketch: Capsule, /) -> list[int]: ...
