from collections.abc import Callable

class Capsule: ...

def make_space(
    ops: int,
    backward: bool,
    start_memory: int,
    workspace: bytes,
    piece_words: bytes,
    piece_bits: bytes,
    share_spans: bytes,
    share_groups: bytes,
    share_sizes: bytes,
    followers: bytes,
    spans: bytes,
    /,
) -> Capsule: ...
def make_search(space: Capsule, budget: int, chain: int, commits: bool, /) -> Capsule: ...
def run(search: Capsule, states: int, cap: int, /) -> tuple[int, int, int, int]: ...
def raise_budget(search: Capsule, /) -> None: ...
def path(search: Capsule, /) -> list[int]: ...
def commit(search: Capsule, ops: list[int], /) -> list[int]: ...
def beam(
    space: Capsule,
    width: int,
    below: int,
    effort: int,
    floor: int,
    callback: Callable[[], None],
    /,
) -> list[int]: ...
