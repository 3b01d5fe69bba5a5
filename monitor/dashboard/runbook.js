// What an alert probably means and what to do about it, by kind and level; docs/monitoring.md says more.

const LEVEL = {
  monitor: "Fewer than the share of columns that would matter has changed. There is time; look today.",
  investigate: "Enough columns have changed that something happened upstream. Find out what before the next campaign.",
  alert: "So much has changed that the scores should not be trusted until you know why.",
  retrain:
    "It has lasted a whole window, so the retrainer is asked for a new model. The gate decides whether that is better.",
};

/** Of a rule, which does not wait for a window. */
const AT_ONCE = "The retrainer is asked for a new model at once. The gate decides whether that is better.";
const RULES = ["business", "performance"];

/** @type {Object<string, {cause: string, steps: string[], meant: string|null}>} */
const KIND = {
  data_drift: {
    cause:
      "Other people are coming in: a new campaign, list, region or import. Where values are “unseen” instead, a source has probably changed how it writes them.",
    steps: [
      "Read the columns below, the strongest first: together they usually name the source (industry and company size mean another list, one column with unseen values means another format).",
      "Ask whoever sends the contacts what began when the drift began.",
      "Another format: mend the export or the import, and replay. Other people: go on, the retrainer learns them.",
      "Until then, treat the scores of these contacts as a guess.",
    ],
    meant: "The new people are meant (a new market, say)",
  },
  data_quality: {
    cause:
      "Contacts are filled in differently: more or fewer gaps, text where numbers were, or numbers where text was. Mostly an export or an enrichment has changed, not the people.",
    steps: [
      "Look at the columns below: “missing value share” means gaps, “text among numbers” another format.",
      "Ask whoever makes the export or the enrichment what changed when this began.",
      "Mend it there before a model is trained on it; then replay the contacts.",
    ],
    meant: "The new format stays",
  },
  prediction_drift: {
    cause:
      "The scores have moved. If a data drift alert fires beside this one, the people are why; alone, it usually is a mixture of small changes.",
    steps: [
      "See whether a data drift alert fires too, and follow that one first.",
      "Compare the score distribution with the reference: are all scores moved, or has a group come in?",
      "Do not compare today's scores with last month's, and do not keep a fixed cut-off, until this is resolved.",
    ],
    meant: "The new scores are as they should be",
  },
  concept_drift: {
    cause:
      "The same people come, and others engage than before: an offer, a season, a competitor. Or labels arrive differently, with a “yes” entered at once and a “no” much later.",
    steps: [
      "Look at the labels first: are “yes” and “no” entered at the same age? (`driftline status` shows how many are joined and how late.)",
      "If they are, believe it: the scores rank people in an order that no longer holds. See for whom in the evidence below.",
      "The retrainer learns from the labels since; see its decision below.",
    ],
    meant: "The labels were wrong, or the change is known",
  },
  business: {
    cause:
      "Hardly anybody engages, whoever they are. That is rarely the model: more often the offer, the season, or labels that do not arrive.",
    steps: [
      "See whether labels still arrive as before.",
      "Ask what changed in the campaign: text, offer, sender, time.",
      "A new model finds whom to write to; it cannot make an offer better.",
    ],
    meant: "The low engagement is known",
  },
  performance: {
    cause: "Nothing is wrong: the model is old, or enough new labels have come to learn from.",
    steps: [
      "Nothing to do: see the retrainer's decision below.",
      "If no decision comes, see whether the retrainer runs (Health) and what its log says.",
    ],
    meant: "The present model is to stay",
  },
};

/** @param {{kind: string, level: string, state: string}} alert */
export function runbook({ kind, level, state }) {
  const { cause, steps, meant } = KIND[kind];
  return {
    cause,
    steps,
    meant,
    urgency:
      state !== "firing"
        ? "It is over. What follows is for whoever wants to know what it was."
        : RULES.includes(kind)
          ? AT_ONCE
          : LEVEL[level],
  };
}
