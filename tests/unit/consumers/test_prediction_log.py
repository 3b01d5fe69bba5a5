"""The log of predictions: every one, in whole lines, rotated, without a contact's text."""

import json
from datetime import UTC, datetime
from pathlib import Path

from consumers.contact_requests import Scored
from consumers.prediction_log import PredictionLog

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def prediction(n: int) -> Scored:
    return Scored(
        contact_id=str(n), score=0.25, label="not_engaged", confidence="low", model_version="1", inference_ms=0.5
    )


def test_predictions_are_there_in_whole_lines_over_all_files_and_old_files_go(tmp_path: Path) -> None:
    log = PredictionLog(tmp_path / "logs" / "predictions.jsonl", print, size=10_000, files=3)
    for n in range(0, 1_000, 10):
        log.write(NOW, [prediction(n + k) for k in range(10)])
    log.close()
    files = [tmp_path / "logs" / f"predictions.jsonl{end}" for end in (".3", ".2", ".1", "")]
    assert sorted(files) == sorted((tmp_path / "logs").iterdir())
    assert all(file.stat().st_size <= 10_000 for file in files)
    lines = [json.loads(line) for file in files for line in file.read_text().splitlines()]
    kept = len(lines)
    assert 100 < kept < 1_000
    assert [line["contact_id"] for line in lines] == [str(n) for n in range(1_000 - kept, 1_000)]
    assert lines[-1] == {
        "at": "2026-01-01T00:00:00Z",
        "contact_id": "999",
        "score": 0.25,
        "label": "not_engaged",
        "confidence": "low",
        "model_version": "1",
        "inference_ms": 0.5,
    }


def test_it_goes_on_after_a_restart(tmp_path: Path) -> None:
    for n in range(3):
        log = PredictionLog(tmp_path / "predictions.jsonl", print, size=10_000, files=1)
        log.write(NOW, [prediction(n)])
        log.close()
    assert len((tmp_path / "predictions.jsonl").read_text().splitlines()) == 3


def test_a_log_that_cannot_be_written_is_said_once_and_holds_nothing_up(tmp_path: Path) -> None:
    (tmp_path / "predictions.jsonl").mkdir()
    said: list[str] = []
    log = PredictionLog(tmp_path / "predictions.jsonl", said.append, size=10_000, files=1)
    for n in range(3):
        log.write(NOW, [prediction(n)])
    log.close()
    assert len(said) == 1
    assert "predictions.jsonl" in said[0]
