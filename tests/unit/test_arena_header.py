"""The C header of a plan: it compiles, and says what the plan says."""

from __future__ import annotations

import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest

from solver.arena.header import plan_header

if TYPE_CHECKING:
    from pathlib import Path

OFFSETS = {"serving/in:0": 0, "serving in 0": 4096, "9lives": 64, "*/ int x; /*": 2**31, "": 16}
SIZES = dict.fromkeys(OFFSETS, 64)
ORDER = ["3:CONV", "1:ADD\n*/", "größe", "x\\"]


def header(name: str = "my-net.tflite") -> str:
    return plan_header(name, ORDER, [3, 1, 0, 2], OFFSETS, SIZES, arena=2**31 + 64, alignment=16)


@pytest.mark.parametrize("language", ["c", "c++"])
def test_the_header_compiles_and_holds_the_plan(language: str, tmp_path: Path) -> None:
    compiler = shutil.which("cc")
    if compiler is None:
        pytest.skip("no C compiler")
    (tmp_path / "plan.h").write_text(header())
    values = (
        "MY_NET_TFLITE_ARENA_BYTES", "MY_NET_TFLITE_ARENA_ALIGNMENT", "MY_NET_TFLITE_OPS",
        "MY_NET_TFLITE_OFFSET_SERVING_IN_0", "MY_NET_TFLITE_OFFSET_SERVING_IN_0_2",
        "MY_NET_TFLITE_OFFSET_X9LIVES", "MY_NET_TFLITE_OFFSET_INT_X", "MY_NET_TFLITE_OFFSET_X",
    )  # fmt: skip
    prints = "".join(f'    printf("%lu\\n", (unsigned long)({value}));\n' for value in values)
    (tmp_path / "main.c").write_text(
        '#include "plan.h"\n#include "plan.h"\n#include <stdio.h>\n'
        "int main(void) {\n    static const int order[MY_NET_TFLITE_OPS] = MY_NET_TFLITE_ORDER;\n"
        f"    int i;\n{prints}"
        '    for (i = 0; i < (int)MY_NET_TFLITE_OPS; ++i) printf("%d\\n", order[i]);\n'
        "    return 0;\n}\n"
    )
    standard = ["-std=c99"] if language == "c" else ["-std=c++11"]
    if language == "c++" and shutil.which("c++") is None:
        pytest.skip("no C++ compiler")
    subprocess.run(
        [compiler, "-x", language, *standard, "-Wall", "-Wextra", "-Werror", "-pedantic",
         "main.c", "-o", "main"],
        cwd=tmp_path, check=True,
    )  # fmt: skip
    run = subprocess.run([tmp_path / "main"], check=True, capture_output=True, text=True)
    assert [int(line) for line in run.stdout.split()] == [
        2**31 + 64, 16, 4, 0, 4096, 64, 2**31, 16, 3, 1, 0, 2,
    ]  # fmt: skip


def test_identifiers_never_collide() -> None:
    offsets = {"a": 0, "a_2": 1, "A": 2, "a-2": 3}
    text = plan_header("n", [], [], offsets, dict.fromkeys(offsets, 1), arena=4, alignment=1)
    names = [line.split()[1] for line in text.splitlines() if "_OFFSET_" in line]
    assert names == ["N_OFFSET_A", "N_OFFSET_A_2", "N_OFFSET_A_3", "N_OFFSET_A_2_2"]


def test_nonsense_is_refused() -> None:
    with pytest.raises(ValueError, match="1 ops at 0 positions"):
        plan_header("n", ["a"], [], {}, {}, arena=0, alignment=1)
    with pytest.raises(ValueError, match="tensor 'a' has an offset or a size, but not both"):
        plan_header("n", [], [], {"a": 0}, {}, arena=0, alignment=1)
