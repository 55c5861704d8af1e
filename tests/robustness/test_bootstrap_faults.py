"""A bootstrap that ends in the middle keeps what it computed, says so, and goes on to the same bits."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pylmer import bootMer, datasets, fixef, lmer
from pylmer.errors import BootstrapInterrupted, BootstrapStopped, DataError, ModelError
from pylmer.inference import BootMer, boot_run
from pylmer.model import MerMod


def model() -> MerMod:
    return lmer("Yield ~ 1 + (1 | Batch)", datasets.Dyestuff())


def spread(m: MerMod) -> Any:
    return np.append(m.theta, m.residual_sd)


def stopping_after(n: int, what: type[BaseException]) -> Callable[[MerMod], Any]:
    """A statistic that works n times."""
    left = [n]

    def statistic(m: MerMod) -> Any:
        left[0] -= 1
        if left[0] < 0:
            raise what
        return spread(m)

    return statistic


def dies_once(m: MerMod) -> Any:
    """A statistic whose process dies as long as a file is there."""
    mark = Path(os.environ["PYLMER_TEST_DIES"])
    if mark.exists() and os.getpid() != int(mark.read_text()):
        os.kill(os.getpid(), signal.SIGKILL)
    return spread(m)


@pytest.mark.parametrize("after", [1, 7, 260])
def test_an_interrupt_loses_nothing_and_the_same_call_goes_on(tmp_path: Path, after: int) -> None:
    m, place = model(), tmp_path / "boot.json"
    whole = bootMer(m, spread, 300, 1)
    with pytest.raises(BootstrapInterrupted, match=f"after {after - 1} of 300") as stopped:
        bootMer(m, stopping_after(after, KeyboardInterrupt), 300, 1, checkpoint=place)
    partial = stopped.value.partial
    assert isinstance(partial, BootMer)
    assert after == partial.R + 1
    np.testing.assert_array_equal(partial.t, whole.t[: after - 1])
    again = bootMer(m, spread, 300, 1, checkpoint=place)
    np.testing.assert_array_equal(again.t, whole.t)
    assert again.messages == whole.messages


def test_what_was_computed_is_not_computed_again(tmp_path: Path) -> None:
    m, place = model(), tmp_path / "boot.json"
    first = bootMer(m, spread, 40, 1, checkpoint=place)
    again = bootMer(m, stopping_after(1, KeyboardInterrupt), 40, 1, checkpoint=place)
    np.testing.assert_array_equal(again.t, first.t)


def test_a_worker_that_dies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    m, place, mark = model(), tmp_path / "boot.json", tmp_path / "dies"
    monkeypatch.setenv("PYLMER_TEST_DIES", str(mark))
    mark.write_text(str(os.getpid()))
    with (
        ProcessPoolExecutor(1) as workers,
        pytest.raises(BootstrapStopped, match=r"replicates: .*terminated abruptly.*goes on from there"),
    ):
        bootMer(m, dies_once, 60, 1, executor=workers, checkpoint=place)
    mark.unlink()
    with ProcessPoolExecutor(1) as workers:
        again = bootMer(m, dies_once, 60, 1, executor=workers, checkpoint=place)
    np.testing.assert_array_equal(again.t, bootMer(m, spread, 60, 1).t)


def test_without_a_checkpoint_the_error_has_the_replicates() -> None:
    with pytest.raises(BootstrapInterrupted, match="partial") as stopped:
        bootMer(model(), stopping_after(5, KeyboardInterrupt), 20, 1)
    assert stopped.value.partial.R == 4
    assert isinstance(stopped.value, KeyboardInterrupt)


def test_a_full_disk_does_not_lose_the_replicates(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(boot_run, "PAUSE", 0.0)
    m, place = model(), tmp_path / "boot.json"
    bootMer(m, spread, 3, 1, checkpoint=place)
    before = place.read_bytes()
    monkeypatch.setattr(os, "fsync", full)
    place.unlink()
    with pytest.raises(BootstrapStopped, match=r"after 1 of 4 .*No space left") as stopped:
        bootMer(m, spread, 4, 1, checkpoint=place)
    assert stopped.value.partial.R == 1
    assert list(tmp_path.iterdir()) == []
    assert before


def test_a_statistic_that_fails_fails_for_its_replicate() -> None:
    with pytest.warns(UserWarning, match=r"some bootstrap runs failed \(16/20\)"):
        found = bootMer(model(), stopping_after(5, KeyError), 20, 1)
    assert np.isnan(found.t[4:]).all()
    assert not np.isnan(found.t[:4]).any()


@pytest.mark.parametrize(
    "spoil",
    [
        lambda text: text[: len(text) // 2],
        lambda text: "{}",
        lambda text: "[" * 100_000,
        lambda text: text.replace('"done": "1', '"done": "7'),
        lambda text: text.replace('"version": 1', '"version": 2'),
        lambda text: json.dumps({**json.loads(text), "t": [["a"]]}),
        lambda text: json.dumps({**json.loads(text), "t": []}),
        lambda text: json.dumps({**json.loads(text), "done": "1" * 10**6}),
        lambda text: "\x00",
    ],
)
def test_a_damaged_checkpoint_is_refused(tmp_path: Path, spoil: Callable[[str], str]) -> None:
    m, place = model(), tmp_path / "boot.json"
    bootMer(m, spread, 10, 1, checkpoint=place)
    place.write_text(spoil(place.read_text()))
    with pytest.raises(DataError, match=r"boot.json is no checkpoint of a bootstrap, or a damaged one"):
        bootMer(m, spread, 10, 1, checkpoint=place)


@pytest.mark.parametrize("change", [{"seed": 2}, {"nsim": 11}, {"use_u": True}, {"FUN": fixef}])
def test_the_checkpoint_of_another_bootstrap_is_refused(tmp_path: Path, change: dict[str, Any]) -> None:
    m, place = model(), tmp_path / "boot.json"
    arguments: dict[str, Any] = {"FUN": spread, "nsim": 10, "seed": 1}
    bootMer(m, **arguments, checkpoint=place)
    with pytest.raises(DataError, match="checkpoint of another bootstrap"):
        bootMer(m, **{**arguments, **change}, checkpoint=place)


def test_a_checkpoint_needs_a_seed(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="needs seed="):
        bootMer(model(), spread, 10, checkpoint=tmp_path / "boot.json")


@pytest.mark.parametrize("text", ["", "{}", "null", '{"t0": 3}', "[" * 100_000, '{"t0": {"names": ["a"]}}', b"\xff"])
def test_a_saved_bootstrap_that_is_none(text: str | bytes) -> None:
    with pytest.raises(DataError, match="holds no bootstrap"):
        BootMer.from_json(text)


def test_a_saved_bootstrap_with_other_rows() -> None:
    content = json.loads(bootMer(model(), spread, 3, 1).to_json())
    with pytest.raises(DataError, match="R = 4"):
        BootMer.from_json(json.dumps({**content, "R": 4}))
