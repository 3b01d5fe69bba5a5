"""The promotion rule: a challenger must be better beyond chance on contacts that neither model was trained on."""

from __future__ import annotations

from dataclasses import dataclass

from driftline.events import Decision
from model.evaluation import Labels, Scores, compare, metrics

MIN_LABELS = 200


@dataclass(frozen=True)
class GateDecision:
    """What the gate decided, on how many labels, and why, in one sentence."""

    decision: Decision
    why: str
    labels: int
    delta_auc: float
    interval: tuple[float, float]
    metrics: dict[str, float]


def decide(
    champion: Scores, challenger: Scores, engaged: Labels, *, seed: int, min_labels: int = MIN_LABELS
) -> GateDecision:
    """Judge a challenger by its scores on held-out contacts.

    It is promoted when the 10% quantile of the paired bootstrap of ΔAUC or of the log-loss improvement is above
    zero, and the other does not speak clearly against it. "Better by any amount" would promote an equal model half
    of the time. Below ``min_labels`` it stays in shadow.
    """
    n = len(engaged)
    judged = {f"challenger_{k}": v for k, v in metrics(challenger, engaged).items()} if n else {}
    judged |= {f"champion_{k}": v for k, v in metrics(champion, engaged).items()} if n else {}
    if n < min_labels or len(set(engaged.tolist())) < 2:
        why = f"{n} held-out labels are too few to judge by ({min_labels} of both classes are needed)"
        return GateDecision("shadow", why, n, 0.0, (0.0, 0.0), judged)
    auc, loss = compare(champion, challenger, engaged, seed=seed)
    better = [name for name, gain in (("ranks", auc), ("predicts", loss)) if gain.low > 0]
    worse = [name for name, gain in (("ranks", auc), ("predicts", loss)) if gain.high < 0]
    figures = f"ΔAUC {auc.value:+.3f} [{auc.low:+.3f}, {auc.high:+.3f}], log-loss better by {loss.value:+.3f}"
    if better and not worse:
        decision, why = (
            "promoted",
            f"it {' and '.join(better)} better beyond chance on {n} held-out contacts: {figures}",
        )
    elif better:
        decision, why = (
            "rejected",
            f"it {better[0]} better but {worse[0]} worse on {n} held-out contacts: {figures}",
        )
    else:
        decision, why = "rejected", f"it is not better beyond chance on {n} held-out contacts: {figures}"
    return GateDecision(decision, why, n, auc.value, (auc.low, auc.high), judged)  # type: ignore[arg-type]
