"""``python -m solver.fit`` on single networks: reports, verdicts, exit codes, files."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import xml.etree.ElementTree as ET
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from models import load
from solver import Plan, fit, verify
from solver.devices import catalogue
from solver.limits import SilentObserver
from tests.cli.conftest import Result
from tests.cli.networks import (
    BRANCH_SIZES,
    BRANCHES,
    CHAIN,
    CHAIN_SIZES,
    write_branching_if,
    write_float_network,
    write_network,
)
from tests.data import shared_data

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    Run = Callable[..., Result]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    def call(*argv: str | Path) -> Result:
        capsys.readouterr()
        code = fit.main([str(word) for word in argv])
        captured = capsys.readouterr()
        return Result(code, captured.out, captured.err)

    return call


@pytest.fixture
def branches(tmp_path: Path) -> Path:
    return write_network(tmp_path / "branches.onnx", BRANCHES, BRANCH_SIZES)


@pytest.fixture
def chain(tmp_path: Path) -> Path:
    return write_network(tmp_path / "chain.onnx", CHAIN, CHAIN_SIZES)


def test_the_bundled_network_on_a_device_of_the_catalogue(run: Run) -> None:
    result = run("--device", "stm32h743")
    assert (result.code, result.err) == (0, "")
    assert "device: STM32H743ZI (STM32H743, 2 MB flash" in result.out
    assert result.row("activations, lower bound")[:2] == ["301056", "294 KB"]
    assert result.row("largest arena") == ["524288", "512 KB", "AXI SRAM"]
    assert result.row("on the chip in all")[-1] == "not counting ITCM, backup SRAM"
    assert result.row("weights")[-1] == "1.79 MB left"
    assert result.verdict == (
        "Fits STM32H743ZI: needs 367.5 KB of 512 KB in AXI SRAM, as it is, file order; "
        "144.5 KB left."
    )


def test_a_better_order_is_named_where_it_takes_one(run: Run, branches: Path) -> None:
    result = run(branches, "--device", "sram=2099")
    assert result.code == 0
    assert result.row("file order, greedy offsets")[-1].endswith("too large")
    assert "with a better order" in result.verdict
    assert "proven least" in result.verdict


def test_a_proven_no_names_bytes_op_and_cures(run: Run, chain: Path) -> None:
    result = run(chain, "--device", "sram=699,flash=1KB")
    assert (result.code, result.err) == (1, "")
    assert result.verdict == (
        "Does not fit sram=699,flash=1KB (proven): every order needs at least 700 bytes, there "
        "are 699 bytes for activations; 1 byte missing while op 'second' runs."
    )
    assert "Proof: every order needs at least 700 bytes: while op 'second' runs" in result.out
    assert "The smallest device of the catalogue that it fits as asked (proven): " in result.out


def test_a_no_on_a_chip_says_what_it_leaves_out(run: Run) -> None:
    result = run("zoo:swiftnet", "--device", "pico")
    assert result.code == 1
    assert result.verdict.endswith(
        "912 KB missing while op 'split' runs (not counting USB RAM, cache)."
    )
    complete = run("zoo:swiftnet", "--device", "stm32f411")
    assert complete.code == 1
    assert "not counting" not in complete.verdict


def test_between_one_arena_and_the_chip_it_is_undecided(run: Run) -> None:
    result = run("zoo:nasnet_a_cell", "--as", "int8", "--device", "stm32h743", "--reserve", "10KB")
    assert result.code == 3
    assert result.verdict == (
        "Undecided on STM32H743ZI: every order needs at least 576 KB, the largest single arena has "
        "512 KB in AXI SRAM besides 10 KB kept free: 74 KB missing there (proven) while op "
        "'fit.relu_1' runs, but the chip has 992 KB in all, not counting ITCM, backup SRAM."
    )
    assert result.row("kept free")[0] == "10240"


def test_weights_that_exceed_the_flash(run: Run) -> None:
    result = run("--device", "sram=1MB,flash=64KB")
    assert result.code == 1
    assert "the weights take 211.7 KB (216738 bytes), the flash has 64 KB" in result.verdict
    assert "every order needs" not in result.verdict


def test_weights_that_external_memory_might_hold(run: Run) -> None:
    result = run("--device", "sram=1MB,flash=64KB,external=1MB", "--external")
    assert result.code == 3
    assert result.verdict.endswith("missing there, external memory might hold them.")


def test_float_networks_are_told_of_int8_only_if_it_helps(run: Run, tmp_path: Path) -> None:
    model = write_float_network(tmp_path / "float.onnx")
    helped = run(model, "--device", "sram=2000")
    assert helped.code == 1
    assert "It fits with --as int8 (proven): needs 2.0 KB (2000 bytes), 0 bytes left." in helped.out
    assert "It fits with --in-place" not in helped.out
    both = run(model, "--device", "sram=1000")
    assert "It fits with --in-place --as int8 (proven)" in both.out
    beyond = run(model, "--device", "sram=999")
    assert "Tried without making it fit: --in-place; --as int8; --in-place --as int8." in beyond.out


def test_several_banks(run: Run, chain: Path) -> None:
    one = run(chain, "--device", "sram=400,tcm=300")
    assert one.code == 3
    assert "It fits with --banks (proven)" in one.out
    both = run(chain, "--device", "sram=400,tcm=300", "--banks", "--json", "-")
    assert both.code == 0
    places = both.plan["placement"]["places"]
    assert places["u"] == {"bank": "sram", "offset": 0}
    assert places["t"] == {"bank": "tcm", "offset": 0}
    assert both.err.splitlines()[-1].startswith("Fits sram=400,tcm=300: every buffer has a place")
    no = run(chain, "--device", "sram=399,tcm=399", "--banks")
    assert no.code == 1
    assert "buffer 'u' of 400 bytes exceeds the largest bank of 399." in no.verdict
    pinned = run(chain, "--device", "sram=400,tcm=300", "--banks", "--pin", "t=sram")
    assert pinned.code == 1
    assert pinned.verdict.endswith("be divided among the banks with the pins given.")


def test_a_no_for_one_order_is_not_one_for_all(run: Run, tmp_path: Path) -> None:
    # "one" wants the input beside bank sram, "three" in it; each alone can be had.
    nodes = (("one", ["x"], ["a"]), ("two", ["a"], ["t"]), ("three", ["t", "x"], ["y", "z"]))
    sizes = {"x": 4, "a": 10, "t": 0, "y": 6, "z": 6}
    model = write_network(tmp_path / "net.onnx", nodes, sizes, outputs=["y", "z"])
    result = run(model, "--device", "sram=10,tcm=6", "--banks")
    assert result.code == 3
    assert result.verdict == (
        "Undecided on sram=10,tcm=6: the order of least peak that was tried cannot be placed over "
        "the banks (proven for it); other orders are open."
    )


def test_outputs_that_are_one_file(run: Run, chain: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    result = run(chain, "--device", "pico", "--csv", out, "--json", tmp_path / "." / "out")
    assert result.code == 2
    assert "named for two outputs" in result.err
    assert not out.exists()


def test_tflm_rounds_up_and_says_what_it_leaves_out(run: Run, chain: Path) -> None:
    result = run(chain, "--device", "sram=703", "--runtime", "tflm")
    assert result.code == 1
    assert result.row("activations, lower bound")[0] == "704"
    assert "runtime: TensorFlow Lite Micro, sizes rounded up to 16 bytes" in result.out
    assert "Not included: the runtime's own structures and program code" in result.out


def test_all_devices(run: Run, tmp_path: Path) -> None:
    table = tmp_path / "all.csv"
    result = run("zoo:swiftnet", "--as", "int8", "--all-devices", "--csv", table)
    assert result.code == 0
    assert "; the smallest is STM32F746G-DISCO." in result.verdict
    assert len(table.read_text().splitlines()) == len(catalogue()) + 1
    assert all(f"  {device.name}  " in result.out for device in catalogue())
    machine = run("zoo:unet", "--as", "int8", "--all-devices", "--json", "-", "--external")
    assert machine.code == 3
    open_ones = [d["device"] for d in machine.plan["devices"] if d["fits"] is None]
    assert open_ones == ["MIMXRT1170-EVK"]
    without = run("zoo:unet", "--as", "int8", "--all-devices", "--quiet")
    assert without.code == 1
    assert without.out.startswith("Fits 0 of ")


def test_json(run: Run, branches: Path, tmp_path: Path) -> None:
    target = tmp_path / "answer.json"
    assert run(branches, "--device", "sram=1110", "--json", target).code == 0
    answer: dict[str, Any] = json.loads(target.read_text())
    assert (answer["schema"], answer["fits"], answer["verdict"]) == (1, True, "fits")
    assert (answer["arena_bytes"], answer["left_bytes"], answer["missing_bytes"]) == (1110, 0, 0)
    assert answer["model"] == str(branches)
    assert answer["ways"][0] == {"way": "as it is", "arena_bytes": 2100}
    plan = Plan.from_json(json.dumps(answer["plan"]))
    assert (plan.arena_bytes, plan.offsets) == (1110, answer["offsets"])
    verify.check(plan, load(branches))
    again = run(branches, "--device", "sram=1110", "--json", target)
    assert again.code == 2
    assert "exists already" in again.err
    no = run(branches, "--device", "sram=1109", "--json", "-").plan
    assert (no["fits"], no["missing_bytes"], no["smallest_device"]) == (False, 1, "STM32H503RB")
    assert no["missing_while_op"].startswith("light_")


def test_annotations_and_junit_of_one_network(run: Run, chain: Path, tmp_path: Path) -> None:
    report = tmp_path / "junit.xml"
    result = run(chain, "--device", "sram=699", "--github", "--junit", report, "--quiet")
    assert result.code == 1
    verdict, annotation = result.out.splitlines()
    assert verdict.startswith("Does not fit")
    assert annotation.startswith(f"::error file={chain},title=tightfit%3A does not fit::")
    (failure,) = ET.parse(report).getroot().iter("failure")
    assert failure.get("type") == "does not fit"
    broken = run(tmp_path / "no.onnx", "--device", "pico", "--github")
    assert broken.code == 2
    assert broken.out.startswith("::error file=")
    assert broken.err.startswith("error: ")


def test_a_device_file(run: Run, chain: Path, tmp_path: Path) -> None:
    path = tmp_path / "my.toml"
    path.write_text(
        '[[device]]\nname = "mine"\nvendor = "us"\ntitle = "Ours"\nram = "1KB"\n'
        'banks = [{ name = "ram", size = "1KB" }]\n'
        '[[device]]\nname = "other"\nvendor = "us"\ntitle = "Smaller"\nram = 600\n'
        'banks = [{ name = "ram", size = 600 }]\n'
    )
    assert run(chain, "--device-file", path, "--device", "mine").code == 0
    assert run(chain, "--device-file", path, "--device", "other").code == 1
    several = run(chain, "--device-file", path)
    assert several.code == 2
    assert "name one of mine, other" in several.err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "no device: give --device NAME"),
        (["--device", "stm32h744"], "--device: no device is called 'stm32h744'; nearest: STM32H7"),
        (["--device", "@@"], "--all-devices lists the catalogue"),
        (["--device", "sram=x"], "--device: device 'sram=x': sram: 'x' is no size"),
        (["--device-file", "none.toml"], "--device-file: none.toml: cannot be read"),
        (["--device", "pico", "--runtime", "tfml"], "is no runtime; did you mean tflm?"),
        (["--device", "pico", "--runtime", "litert", "--in-place"], "leave it out"),
        (["--device", "pico", "--runtime", "tflm", "--banks"], "Micro has one arena"),
        (["--device", "pico", "--pin", "x=y"], "--pin: needs --banks"),
        (["--device", "pico", "--banks", "--pin", "x"], "'x' does not read TENSOR=BANK"),
        (["--device", "pico", "--banks", "--pin", "x=a", "--pin", "x=b"], "is pinned twice"),
        (["--device", "pico", "--reserve", "no"], "--reserve: 'no' is no size"),
        (["--device", "pico", "--jobs", "0", "nets", "nets"], "--jobs: '0' is no number"),
        (["--device", "pico", "--resume"], "--resume: needs --csv"),
        (["--device", "pico", "--all-devices"], "--all-devices: leave --device out"),
        (["--all-devices", "a.onnx", "b.onnx"], "--all-devices: takes one model"),
        (["--device", "pico", "--csv", "-"], "stdout ('-') is for --json alone"),
        (["--device", "pico", "none.onnx"], "none.onnx: no such file"),
        (["--devise", "pico"], "there is no option --devise; did you mean --device?"),
    ],
)  # fmt: skip
def test_bad_input(run: Run, words: list[str], message: str) -> None:
    result = run(*words)
    assert result.code == 2
    assert result.out == ""
    assert result.err.startswith("error: ")
    assert result.err.count("\n") == 1
    assert message in result.err


def test_a_pin_that_names_nothing(run: Run, chain: Path) -> None:
    result = run(chain, "--device", "sram=1KB,tcm=1KB", "--banks", "--pin", "z=tcm")
    assert result.code == 2
    assert "the network has no activation 'z'" in result.err


def test_warnings_qualify_the_verdict(run: Run, tmp_path: Path) -> None:
    result = run(write_branching_if(tmp_path / "if.onnx"), "--device", "pico")
    assert "Warning: the body of 'choice' (If) counts as one op" in result.out
    assert result.verdict.endswith("This holds for what was counted: see the warning.")


class ImpatientObserver(SilentObserver):
    """Presses Ctrl-C at the first order."""

    def on_incumbent(self, peak: int) -> None:  # noqa: ARG002
        raise KeyboardInterrupt


def test_an_interrupt_reports_what_there_is(
    run: Run, branches: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    @contextmanager
    def impatient(**_options: object) -> Iterator[ImpatientObserver]:
        yield ImpatientObserver()

    monkeypatch.setattr(fit, "live_progress", impatient)
    result = run(branches, "--device", "sram=1105")
    assert (result.code, result.err) == (130, "")
    assert result.verdict.startswith("Undecided on sram=1105: ")
    assert "interrupt" in result.verdict


def test_the_published_person_detection(run: Run) -> None:
    model = shared_data("tflm/person_detect.tflite")
    result = run(model, "--device", "nrf52840", "--runtime", "tflm")
    assert result.code == 0
    assert result.row("activations, lower bound")[0] == "55296"


def test_the_examples_of_the_help_run(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_float_network(tmp_path / "model.onnx")
    (tmp_path / "nets").mkdir()
    write_float_network(tmp_path / "nets" / "one.onnx")
    monkeypatch.chdir(tmp_path)
    out = run("--help").out
    assert "exit codes:" in out
    _, examples = out.split("examples:\n")
    calls = re.findall(r"^  python -m solver.fit (.*)", examples, re.MULTILINE)
    assert len(calls) == 5
    for call in calls:
        if "model.tflite" in call:
            tmp_path.joinpath("model.tflite").symlink_to(shared_data("tflm/person_detect.tflite"))
        assert run(*call.split()).code == 0, call


def test_as_a_process(chain: Path) -> None:
    done = subprocess.run(
        (sys.executable, "-m", "solver.fit", chain, "--device", "sram=700", "--quiet"),
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("Fits sram=700: needs 700 bytes of 700 bytes in sram")
