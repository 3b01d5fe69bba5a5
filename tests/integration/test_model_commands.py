"""`driftline model`: versions made, shown, compared, and made champion by hand."""

import json
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from driftline.events import Contact
from driftline.kafka_clients import ensure_topics
from driftline.settings import Settings
from model.commands import Models, card_text, change_text, comparison_text, evaluation_text, table_text
from model.kafka_history import History
from model.split import is_held_out
from tests.dashboard_server import TOKEN, dashboard, state, until
from tests.scoring_workers import scored, scorer, send_contacts, wait_until

Contacts = list[tuple[Contact, int]]
NOW = datetime(2026, 1, 1, tzinfo=UTC)
SAMPLE = Path(__file__).parents[2] / "data" / "sample_lemlist_export.csv"


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory, calm_contacts: Contacts) -> Models:
    """Two versions in a registry of their own, and no stream."""
    made = Models(Settings.model_validate({"home": tmp_path_factory.mktemp("home")}))
    for n, some in enumerate((calm_contacts[:400], calm_contacts[:1_500]), 1):
        found = made.train(some, feature_set="driftline", seed=0, now=NOW, say=print)
        assert found["version"] == str(n)
    return made


def driftline(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "driftline.cli", "model", *arguments]
    env = {"PATH": "/usr/bin:/bin", "PYTHONPATH": str(SAMPLE.parents[1])}
    return subprocess.run(command, cwd=cwd, env=env, capture_output=True, text=True, timeout=120, check=False)


def test_an_export_becomes_a_champion_with_its_card_and_its_picture(tmp_path: Path) -> None:
    trained = driftline("train", str(SAMPLE), "--json", cwd=tmp_path)
    assert trained.returncode == 0, trained.stderr
    document = json.loads(trained.stdout)
    assert (document["version"], document["aliases"]) == ("1", ["champion"])
    assert "190 of 300 contacts are labelled" in trained.stderr
    listed = driftline("list", "--plot", "lifecycle.png", cwd=tmp_path)
    assert "@champion" in listed.stdout
    assert (tmp_path / "lifecycle.png").stat().st_size > 10_000


def test_a_file_that_cannot_be_trained_on_leaves_no_version(tmp_path: Path) -> None:
    (tmp_path / "five.csv").write_text("_id,jobtitle,engaged\n" + "".join(f"{n},CEO,{n % 2}\n" for n in range(5)))
    done = driftline("train", "five.csv", cwd=tmp_path)
    assert done.returncode == 1
    assert "labelled contacts are too few to train on" in done.stderr.splitlines()[-1]
    assert "no versions yet" in driftline("list", cwd=tmp_path).stdout


def test_the_first_version_is_champion_and_the_list_shows_all(models: Models) -> None:
    document = models.versions()
    assert [(one["version"], one["aliases"]) for one in document["versions"]] == [("1", ["champion"]), ("2", [])]
    text = table_text(document).splitlines()
    assert len(text) == 3
    assert "@champion" in text[1]


def test_a_version_is_shown_as_its_model_card(models: Models) -> None:
    text = card_text(models.show("2"))
    assert "# Model version 2" in text
    assert "## How it was chosen" in text


def test_only_contacts_that_a_version_was_not_trained_on_judge_it(models: Models, calm_contacts: Contacts) -> None:
    some = calm_contacts[:1_000]
    held_out = [one for one in some[:400] if is_held_out(one[0].id, 1 / 3)]
    document = models.evaluate(some, None)
    assert (document["version"], document["left_out"]) == ("1", 400 - len(held_out))
    assert document["evaluation"]["labels"] == 600 + len(held_out)
    assert "left out" in evaluation_text(document)
    with pytest.raises(ValueError, match="trained version 1: give some that did not"):
        models.evaluate([one for one in some[:400] if one not in held_out], "1")


def test_two_versions_are_compared_by_their_records_or_paired_on_a_file(
    models: Models, calm_contacts: Contacts
) -> None:
    recorded = models.compare("1", "2", None)
    assert recorded["paired"] is None
    assert "--on FILE" in comparison_text(recorded)
    paired = models.compare("1", "2", calm_contacts[1_500:])
    assert paired["paired"]["labels"] == 1_500
    value, low, high = paired["paired"]["log_loss_gain"]
    assert low < value < high
    assert "On 1,500 labelled contacts, paired" in comparison_text(paired)


@pytest.mark.parametrize("version", ["7", "0", "x", ""])
def test_a_version_that_is_none_is_told_with_those_that_are(models: Models, version: str) -> None:
    for ask in (models.show, models.promote):
        with pytest.raises(ValueError, match="there are 1, 2"):
            ask(version)


def test_promoting_and_going_back_move_the_aliases(models: Models) -> None:
    with pytest.raises(ValueError, match="no version to go back to"):
        models.rollback()
    with pytest.raises(ValueError, match="champion already"):
        models.promote("1")
    promoted = models.promote("2")
    assert promoted == {"champion": {"before": "1", "after": "2"}, "live": False}
    assert "no stream is up" in change_text(promoted)
    assert [one["aliases"] for one in models.versions()["versions"]] == [["previous"], ["champion"]]
    assert models.rollback()["champion"] == {"before": "2", "after": "1"}
    assert models.rollback()["champion"] == {"before": "1", "after": "2"}
    assert models.rollback()["champion"] == {"before": "2", "after": "1"}
    assert models.show("1")["why"] == "rolled back from version 2 by hand"


def test_on_a_stream_the_scorer_goes_forth_and_back_with_them(
    settings: Settings, models: Models, calm_contacts: Contacts
) -> None:
    own = settings.model_copy(update={"mlflow": models.settings.mlflow})
    ensure_topics(own)
    live = Models(own)
    live.promote("2")
    from driftline.topics import PREDICTIONS

    def versions_of(n: int) -> set[str]:
        wait_until(lambda: len(scored(own, PREDICTIONS)) == n)
        return {p.model_version for p in scored(own, PREDICTIONS).values()}

    with scorer(own) as lines:
        send_contacts(own, calm_contacts[:50])
        assert versions_of(50) == {"2"}
        assert live.rollback() == {"champion": {"before": "2", "after": "1"}, "live": True}
        wait_until(lambda: "champion is now version 1" in lines)
        send_contacts(own, calm_contacts[50:100])
        assert versions_of(100) == {"1", "2"}
    history = History.read(own)
    assert history.champion == "1"
    decisions: list[Any] = [(e.decision, e.champion, e.why) for e in history.decisions.values()]
    assert decisions[-1] == ("promoted", "2", "rolled back from version 2 by hand")
    assert history.unfinished is None


def test_the_dashboard_rolls_back_from_the_champion_that_it_shows(settings: Settings, models: Models) -> None:
    own = settings.model_copy(update={"mlflow": models.settings.mlflow})
    live = Models(own)
    if live.registry.champion() == "2":
        live.promote("1")
    live.promote("2")
    authorised = {"Authorization": f"Bearer {TOKEN}"}
    with dashboard(own) as client:
        until(lambda: state(client)["models"]["previous"] == "1")
        live.registry.set_champion("1", NOW)  # as a promotion does that comes once the dashboard has looked
        late = client.post("/api/models/rollback", headers=authorised, json={"from": "2"}, timeout=60)
        assert (late.status_code, "the champion is 1 by now" in late.json()["detail"]) == (500, True)
        live.registry.set_champion("2", NOW)
        done = client.post("/api/models/rollback", headers=authorised, json={"from": "2"}, timeout=60)
        assert (done.status_code, done.json()) == (200, {"champion": {"before": "2", "after": "1"}})
        shown = until(lambda: known if (known := state(client)["models"])["champion"] == "1" else None)
        assert shown["previous"] == "2"
        assert "rolled back" in shown["decisions"][0]["why"]
    assert History.read(own).champion == "1"
