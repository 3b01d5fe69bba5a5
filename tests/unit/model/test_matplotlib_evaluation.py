"""The pictures of an evaluation and of the lifecycle, read back as SVG text."""

from datetime import UTC, datetime
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pytest

from model.evaluation import Evaluation, evaluate
from model.matplotlib_evaluation import MOST_VERSIONS, LifecycleVersion, plot_calibration, plot_lifecycle
from tests.rivals import STRONG, WEAK, rivals

MADE = rivals(0, 400, WEAK, STRONG)
CHAMPION = evaluate(MADE.champion, MADE.engaged, cut=0.5, seed=0, resamples=50)
CHALLENGER = evaluate(MADE.challenger, MADE.engaged, cut=0.5, seed=0, resamples=50)
FIRST = LifecycleVersion("1", datetime(2026, 1, 1, tzinfo=UTC), 2_000, None, None, CHAMPION, None)
SECOND = LifecycleVersion("2", datetime(2026, 2, 3, tzinfo=UTC), 2_432, "promoted", "better", CHALLENGER, CHAMPION)
SHADOW = LifecycleVersion("3", None, 2_500, "shadow", "too few labels", None, None)


def lifecycle(versions: list[LifecycleVersion], folder: Path) -> str:
    with mpl.rc_context({"svg.fonttype": "none"}):
        plot_lifecycle(versions, folder / "lifecycle.svg")
    return (folder / "lifecycle.svg").read_text()


def test_versions_are_named_with_their_decisions_and_sizes(tmp_path: Path) -> None:
    drawn = lifecycle([FIRST, SECOND, SHADOW], tmp_path)
    for text in (
        "version 1", "from 1 Jan 2026", "version 2", "promoted", "trained on 2,432", "judged on 400", "from 3 Feb 2026",
        "challenger, promoted", "champion, same contacts", "1 of 2 challengers promoted; bars are 90% intervals",
    ):  # fmt: skip
        assert f">{text}<" in drawn, text


def test_one_that_was_not_evaluated_is_drawn_as_such(tmp_path: Path) -> None:
    assert ">evaluated<" in lifecycle([SHADOW], tmp_path)
    assert ">evaluated<" not in lifecycle([FIRST, SECOND], tmp_path)


def test_of_many_versions_the_newest_are_drawn(tmp_path: Path) -> None:
    drawn = lifecycle([FIRST, *[SECOND] * MOST_VERSIONS], tmp_path)
    assert ">version 1<" not in drawn
    assert f"the newest {MOST_VERSIONS} versions shown" in drawn


def test_no_versions_are_said(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="train one first"):
        plot_lifecycle([], tmp_path / "lifecycle.svg")


CONSTANT = evaluate(np.full(60, 0.4), np.arange(60) % 2, cut=0.5, seed=0, resamples=20)
SINGLE = evaluate(np.array([0.9]), np.array([1]), cut=0.5, seed=0, resamples=20)


@pytest.mark.parametrize("found", [CHALLENGER, CONSTANT, SINGLE], ids=["usual", "constant", "single"])
def test_calibration_is_drawn_with_its_error_and_its_cut(found: Evaluation, tmp_path: Path) -> None:
    with mpl.rc_context({"svg.fonttype": "none"}):
        plot_calibration(found, tmp_path / "calibration.svg")
    drawn = (tmp_path / "calibration.svg").read_text()
    assert f"{found.labels:,} labelled contact" in drawn
    assert f"calibration error {found.metrics['calibration_error'].value:.3f}" in drawn
    assert ">cut 0.50<" in drawn


def test_the_ending_is_the_format(tmp_path: Path) -> None:
    plot_calibration(CHALLENGER, tmp_path / "calibration.png")
    assert (tmp_path / "calibration.png").read_bytes().startswith(b"\x89PNG")
    with pytest.raises(ValueError, match="nix"):
        plot_calibration(CHALLENGER, tmp_path / "calibration.nix")
