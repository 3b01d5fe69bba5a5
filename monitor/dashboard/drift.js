// What has changed in the people coming in, how strongly, since when, and what the alerts promise.

import { card } from "./column_card.js";
import { legend } from "./charts.js";
import { heatLegend, heatMap, heatTable, shareChart } from "./drift_charts.js";
import { timeline } from "./alert_timeline.js";
import { h } from "./dom.js";
import { count, finePercent, percent, plural } from "./format.js";
import { columns, empty, KINDS, REPLAY } from "./words.js";

const SHOWN = 8;

/** @param {object} state */
export function drift(state) {
  const { window, history, settings, alerts } = state;
  const title = h("h2", {}, "Data drift");
  if (!window)
    return [title, empty("No window to compare with the reference yet.", REPLAY), timeline(alerts), promise(state)];
  return [
    title,
    h("p", { class: "verdict" }, verdict(window)),
    h("h3", {}, "Drift share over time"),
    history.length ? shareChart(history, settings) : null,
    h("h3", {}, "Columns over time"),
    history.length ? [heatLegend(), heatMap(history), heatTable(history)] : null,
    h("h3", {}, "The strongest columns"),
    legend(),
    h(
      "ul",
      { class: "cards" },
      window.distributions
        .filter(({ column: name }) => name !== "score")
        .slice(0, SHOWN)
        .map((found) => card(found, window)),
    ),
    timeline(alerts),
    promise(state),
  ];
}

function verdict({ window, full, drift_share: share, drifting, strengths }) {
  const inputs = drifting.filter((name) => name !== "score");
  const all = Object.keys(strengths).filter((name) => name !== "score").length;
  if (!full)
    return `The window is filling: ${plural(window.contacts, "contact")} so far. Nothing below is a finding yet.`;
  if (!inputs.length) return `None of ${plural(all, "column")} is over its threshold.`;
  return `${inputs.length} of ${plural(all, "column")} (${percent(share)}) ${inputs.length === 1 ? "is" : "are"} over the threshold: ${columns(inputs, 4)}.`;
}

/** What the alerts promise, and how much evidence there is against calm. */
function promise({ window, settings }) {
  const holds = window?.promise.holds ?? true;
  const said = window?.promise ?? settings;
  return h(
    "div",
    { class: "promise" },
    h("h3", {}, "The promise"),
    h(
      "p",
      {},
      `As long as the people stay the same, at most ${percent(said.false_alarm_rate)} of runs of ${count(said.horizon)} contacts raise any alert about them. `,
      window ? (holds ? "This holds now." : h("b", {}, `It does not hold now: ${window.promise.why}.`)) : "",
    ),
    window
      ? h(
          "ul",
          { class: "evidence" },
          Object.entries(window.evidence).map(([kind, value]) => evidence(kind, value)),
        )
      : null,
  );
}

/** Evidence grows by factors, so its meter is logarithmic: from a thousandth of what suffices to all of it. */
function evidence(kind, value) {
  const enough = value >= 1;
  const filled = Math.max(0, Math.min(1, 1 + Math.log10(Math.max(value, 1e-3)) / 3));
  return h(
    "li",
    { "data-key": kind },
    h("span", {}, KINDS[kind]),
    h(
      "span",
      { class: enough ? "meter enough" : "meter", "aria-hidden": "true" },
      h("span", { style: `width: ${(100 * filled).toFixed(0)}%` }),
    ),
    h(
      "span",
      { class: "muted" },
      enough
        ? "evidence suffices"
        : value < 0.001
          ? "no evidence"
          : `${finePercent(value)} of the evidence that suffices`,
    ),
  );
}
