"""What `driftline model` does: versions made, shown, compared, and made champion by hand.

`Models` returns what ``--json`` prints; the text for people is made of that.
"""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from driftline.settings import Settings
from model.card import METRIC_NAMES, metrics_table, model_card, segments_table
from model.evaluation import Evaluation, Interval, compare
from model.features import FEATURE_SETS
from model.kafka_champions import SEED, open_registry, promote, rollback
from model.matplotlib_evaluation import LifecycleVersion, plot_lifecycle
from model.mlflow_registry import Registry, Version
from model.report import Report
from model.retrain import Maker, evaluated, parted, scores_of
from model.split import Labelled, unique, unseen

Say = Callable[[str], None]
Document = dict[str, Any]


class Models:
    """The registry that the settings name, or the one of ``DRIFTLINE_HOME`` where they name none."""

    def __init__(self, settings: Settings) -> None:
        home = settings.home.absolute()
        self.settings = settings.model_copy(update={"mlflow": settings.mlflow or f"sqlite:///{home / 'mlflow.db'}"})
        self.registry: Registry = open_registry(self.settings)

    def train(self, labelled: Sequence[Labelled], *, feature_set: str, seed: int, now: datetime, say: Say) -> Document:
        """A new version of labelled contacts; champion where there is none yet.

        Raises:
            ValueError: they are too few, or not fit, to train on.
        """
        maker = Maker(seed=seed, now=now, feature_set=FEATURE_SETS[feature_set], progress=say)
        made = maker.first_champion(labelled)
        say("registering")
        bundle = self.registry.register(made)
        if self.registry.champion() is None:
            promote(self.settings, self.registry, bundle.version, "the first version")
        return self.show(bundle.version)

    def evaluate(self, labelled: Sequence[Labelled], version: str | None) -> Document:
        """What a version, or the champion, is worth on those labelled contacts that it was not trained on.

        Raises:
            ValueError: no such version, or no labelled contacts that may judge it.
        """
        bundle = self.registry.load(version or self._champion())
        judges, left_out = self._judges(labelled, bundle.version)
        found = evaluated(bundle, judges, seed=SEED)
        return {"version": bundle.version, "left_out": left_out, "evaluation": found.to_json()}

    def versions(self) -> Document:
        """All versions, the oldest first."""
        return {"versions": [_summary(self.registry.describe(version)) for version in self.registry.versions()]}

    def show(self, version: str) -> Document:
        """Everything that is known of a version.

        Raises:
            ValueError: no such version.
        """
        found = self.registry.describe(version)
        return _summary(found) | {"report": found.report.to_json() if found.report else None}

    def compare(self, first: str, second: str, labelled: Sequence[Labelled] | None) -> Document:
        """Two versions by what is recorded of them and, given labelled contacts, paired on those.

        Raises:
            ValueError: no such version, or no labelled contacts in what was given.
        """
        document: Document = {"versions": [self.show(first), self.show(second)], "paired": None}
        if labelled is None:
            return document
        judges, left_out = self._judges(labelled, first, second)
        contacts, engaged = parted(judges)
        ours, theirs = (scores_of(self.registry.load(version), contacts) for version in (first, second))
        auc, loss = compare(ours, theirs, engaged, seed=SEED)
        return document | {
            "paired": {
                "labels": len(contacts),
                "left_out": left_out,
                "delta_auc": [auc.value, auc.low, auc.high],
                "log_loss_gain": [loss.value, loss.low, loss.high],
            }
        }

    def promote(self, version: str) -> Document:
        """Make a version champion.

        Raises:
            ValueError: no such version, or one that cannot be used.
        """
        before = promote(self.settings, self.registry, version, "promoted by hand")
        return {"champion": {"before": before, "after": version}, "live": self.settings.kafka is not None}

    def rollback(self, champion: str | None = None) -> Document:
        """Go back to the version that was champion before.

        Args:
            champion: the version that has to be champion still; None takes any.

        Raises:
            ValueError: there is none, or another one is champion.
        """
        before, after = rollback(self.settings, self.registry, champion)
        return {"champion": {"before": before, "after": after}, "live": self.settings.kafka is not None}

    def plot(self, path: Path) -> None:
        """The lifecycle as a picture: version after version, with intervals.

        Raises:
            ValueError: there is no version whose report can be read.
        """
        described = [self.registry.describe(version) for version in self.registry.versions()]
        known = [_lifecycle(version) for version in described if version.report is not None]
        if not known:
            raise ValueError("there is no version to draw yet: `driftline model train FILE` makes one")
        plot_lifecycle(known, path)

    def _judges(self, labelled: Sequence[Labelled], *versions: str) -> tuple[list[Labelled], int]:
        """Contacts that none of the versions was trained on, and how many were left out for that."""
        everyone = judges = unique(labelled)
        for version in versions:
            judges = unseen(judges, self.registry.trained(version))
        if everyone and not judges:
            raise ValueError(
                f"all {len(everyone)} labelled contacts trained version {' or '.join(versions)}: give some that did not"
            )
        return judges, len(everyone) - len(judges)

    def _champion(self) -> str:
        champion = self.registry.champion()
        if champion is None:
            raise ValueError("there is no champion yet: `driftline model train FILE` makes one")
        return champion


def run(
    models: Models, options: Namespace, labelled: Sequence[Labelled] | None, *, now: datetime, say: Say
) -> tuple[Document, str]:
    """One action of `driftline model`: what it gives, for ``--json`` and for people.

    Args:
        labelled: the contacts of the file that the options name, if they do.
    """
    contacts = labelled or []
    match options.action:
        case "train":
            made = models.train(contacts, feature_set=options.feature_set, seed=options.seed, now=now, say=say)
            return made, card_text(made)
        case "evaluate":
            worth = models.evaluate(contacts, options.model)
            return worth, evaluation_text(worth)
        case "list":
            versions = models.versions()
            return versions, table_text(versions)
        case "show":
            shown = models.show(options.version)
            return shown, card_text(shown)
        case "compare":
            both = models.compare(options.first, options.second, labelled)
            return both, comparison_text(both)
    promoting = options.action == "promote"
    changed = models.promote(options.version) if promoting else models.rollback(options.champion)
    return changed, change_text(changed)


def table_text(document: Document) -> str:
    """Of `Models.list`."""
    if not document["versions"]:
        return "no versions yet: `driftline model train FILE` makes one"
    rows = [("version", "aliases", "made", "trained on", "ROC-AUC", "decision")]
    rows += [
        (
            one["version"], " ".join(f"@{alias}" for alias in one["aliases"]), one["registered_at"][:16],
            f"{one['trained_on']:,}" if one["trained_on"] is not None else "?",
            f"{Interval(*one['roc_auc']):.3f}" if one["roc_auc"] else "untold",
            one["decision"] or "first",
        )
        for one in document["versions"]
    ]  # fmt: skip
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows)


def card_text(document: Document) -> str:
    """Of `Models.show`: the model card."""
    aliases = " ".join(f"@{alias}" for alias in document["aliases"]) or "no alias"
    if document["report"] is None:
        return f"version {document['version']} ({aliases}): its report cannot be read from the registry"
    return f"({aliases})\n\n" + model_card(Report.from_json(document["report"]), document["version"]).rstrip()


def evaluation_text(document: Document) -> str:
    """Of `Models.evaluate`."""
    found = Evaluation.from_json(document["evaluation"])
    left_out = (
        f"{document['left_out']:,} contacts that it was trained on are left out.\n\n" if document["left_out"] else ""
    )
    return f"version {document['version']}\n\n{left_out}{metrics_table(found)}\n\n{segments_table(found)}"


def comparison_text(document: Document) -> str:
    """Of `Models.compare`."""
    first, second = document["versions"]
    rows = [f"| | version {first['version']} | version {second['version']} |", "|---|---|---|"]
    for title, value in (("trained on", "trained_on"), ("made", "registered_at"), ("decision", "decision")):
        rows.append(f"| {title} | {first[value] or ''} | {second[value] or ''} |")
    known = [one["report"] and one["report"]["evaluation"] for one in (first, second)]
    evaluations = [Evaluation.from_json(one) if one else None for one in known]
    for name, title in METRIC_NAMES.items():
        cells = ["untold" if one is None else f"{one.metrics[name]:.3f}" for one in evaluations]
        rows.append(f"| {title} | {cells[0]} | {cells[1]} |")
    rows.append("")
    paired = document["paired"]
    if paired is None:
        rows.append("Each on its own held-out contacts; --on FILE compares both on the same ones.")
    else:
        gains = [f"{Interval(*paired[name]):+.3f}" for name in ("delta_auc", "log_loss_gain")]
        rows.append(
            f"On {paired['labels']:,} labelled contacts, paired: ΔAUC {gains[0]}, log-loss better by {gains[1]} with"
            f" version {second['version']}."
        )
    return "\n".join(rows)


def change_text(document: Document) -> str:
    """Of `Models.promote` and `Models.rollback`."""
    before, after = document["champion"]["before"], document["champion"]["after"]
    where = "the stream takes it up now" if document["live"] else "no stream is up, the next one starts with it"
    return f"champion: {before} → {after}; {where}"


def _summary(found: Version) -> Document:
    report = found.report
    evaluation = report.evaluation if report else None
    auc = evaluation.metrics["roc_auc"] if evaluation else None
    return {
        "version": found.version,
        "aliases": list(found.aliases),
        "registered_at": found.registered_at.isoformat(timespec="seconds"),
        "trained_on": report.training.contacts if report else None,
        "model": report.chosen if report else None,
        "roc_auc": [auc.value, auc.low, auc.high] if auc else None,
        "trigger": report.trigger if report else None,
        "decision": found.decision,
        "why": found.why,
    }


def _lifecycle(found: Version) -> LifecycleVersion:
    assert found.report is not None  # asked before
    judgement = found.report.judgement
    return LifecycleVersion(
        version=found.version,
        became_champion_at=found.became_champion_at,
        trained_on=found.report.training.contacts,
        decision=found.decision if judgement else None,
        why=found.why if judgement else None,
        evaluation=found.report.evaluation,
        champion_evaluation=judgement.champion_evaluation if judgement else None,
    )
