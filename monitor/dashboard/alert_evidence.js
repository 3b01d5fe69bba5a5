// What an alert rests on: its columns, the strongest first, and its promise.

import { h } from "./dom.js";
import { count, finePercent, percent, signed, statistic } from "./format.js";
import { column } from "./words.js";

/** Kinds that count labels, not contacts. */
const OF_LABELS = ["concept_drift", "business", "performance"];

const BOTH =
  "What changed, and its effect, is told of the contacts since the drift began; the statistic of a window has those before it as well.";

/** @param {object} alert as it last fired */
export function evidence({
  kind,
  columns,
  window,
  reference,
  promise,
  model_version: version,
  drift_share: share,
  at_contact: contact,
}) {
  const unit = OF_LABELS.includes(kind) ? "labels" : "contacts";
  return [
    h("h2", { id: "evidence" }, "Evidence"),
    h(
      "p",
      {},
      `${count(window.contacts)} ${unit === "labels" ? "labelled contacts" : "contacts"} up to contact ${count(contact)}, `,
      `beside the ${count(reference.rows)} that version ${version} was judged on. Drift share ${percent(share)}.`,
    ),
    h(
      "div",
      { class: "scrolled", tabindex: "0", role: "region", "aria-label": "Columns, the strongest first" },
      h(
        "table",
        { class: "proof" },
        h(
          "thead",
          {},
          h(
            "tr",
            {},
            ["Column", "What changed", "Test", "Statistic", "Threshold", "Effect"].map((head) =>
              h("th", { scope: "col" }, head),
            ),
          ),
        ),
        h("tbody", {}, columns.map(proof)),
      ),
    ),
    unit === "contacts" ? h("p", { class: "muted" }, BOTH) : null,
    h("p", {}, promised(promise, unit)),
  ];
}

const proof = ({ name, features, test, statistic: value, threshold, effect, cause }) =>
  h(
    "tr",
    { "data-key": name },
    h("th", { scope: "row" }, column(name), h("span", { class: "muted features" }, few(features))),
    h("td", { class: "cause" }, cause),
    h("td", {}, test),
    h("td", { class: "figure" }, statistic(value)),
    h("td", { class: "figure" }, statistic(threshold)),
    h("td", { class: "figure" }, signed(effect)),
  );

const few = (features) =>
  features.slice(0, 3).join(", ") + (features.length > 3 ? ` and ${features.length - 3} more features` : "");

function promised({ holds, why, false_alarm_rate: rate, horizon }, unit) {
  if (holds)
    return [
      h("b", {}, "The promise holds. "),
      `Without a change, at most ${finePercent(rate)} of runs of ${count(horizon)} ${unit} raise any such alert.`,
    ];
  return [h("b", {}, "No promise about false alarms. "), why ? `${why}.` : "This one is a rule, not a test."];
}
