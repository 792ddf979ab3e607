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
    several: bytes,
    lists: bytes,
    spans: bytes,
    need: bytes,
    /,
) -> Capsule: ...
def make_search(space: Capsule, upper: int, switches: int, greed: int, /) -> Capsule: ...
def run(search: Capsule, states: int, cap: int, /) -> tuple[int, int, int, int, int]: ...
def moves(search: Capsule, /) -> list[int]: ...
