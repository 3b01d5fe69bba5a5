// How the drift went: its share of the columns, and every column's strength, report by report, on one axis.

import { chart, d3, Plot, TIP } from "./charts.js";
import { h } from "./dom.js";
import { count, percent, timeOfDay, times } from "./format.js";
import { column } from "./words.js";

const CELL = 7; // px, the narrowest that is shown
const ROW = 18;
const MARGIN = { marginLeft: 140, marginRight: 48 };
/** Multiples of the threshold from which on a cell has the next colour. */
const STEPS = [0, 0.25, 0.5, 0.75, 1, 1.25, 1.5, 2];

/** As many of the newest reports as there is room for. */
const newest = (history, width) =>
  history.slice(-Math.max(12, Math.floor((width - MARGIN.marginLeft - MARGIN.marginRight) / CELL)));

const colour = (strength) => `var(--heat-${d3.bisectRight(STEPS, strength) - 1})`;

/** What both charts have in common: a place for each report, and where another model takes over. */
function axis(reports) {
  const places = d3.range(reports.length);
  return {
    x: { type: "band", domain: places, padding: 0, axis: null },
    changes: places.filter((i) => i > 0 && reports[i].model_version !== reports[i - 1].model_version),
  };
}

const told = (report) => `${timeOfDay(report.at)}, contact ${count(report.at_contact)}`;

/**
 * The share of columns that drift, with the shares from which on it is grave.
 * @param {object[]} history @param {object} settings
 */
export function shareChart(history, settings) {
  const said = `Drift share, report by report; now ${percent(history.at(-1).drift_share)} of the columns`;
  return chart(150, said, [history.length, history.at(-1).at, history.at(-1).drift_share], (width) => {
    const reports = newest(history, width);
    const { x, changes } = axis(reports);
    const lines = [
      {
        at: settings.investigate_share,
        said: `investigate, ${percent(settings.investigate_share)}`,
        colour: "var(--investigate)",
      },
      { at: settings.alert_share, said: `alert, ${percent(settings.alert_share)}`, colour: "var(--alert)" },
    ];
    const top = Math.max(
      0.6,
      settings.alert_share + 0.1,
      (d3.max(reports, (report) => report.drift_share) ?? 0) + 0.05,
    );
    return {
      ...MARGIN,
      marginTop: 14,
      marginBottom: 8,
      x,
      y: { domain: [0, Math.min(1, top)], label: null, tickFormat: percent, ticks: 3, tickSize: 0 },
      marks: [
        Plot.barY(reports, {
          x: (_, i) => i,
          y: "drift_share",
          fill: (report) => (report.full ? "var(--current)" : "var(--unfilled)"),
          inset: 0.5,
        }),
        Plot.ruleY(lines, { y: "at", stroke: "colour", strokeDasharray: "4 3" }),
        Plot.text(lines, {
          y: "at",
          text: "said",
          fill: "colour",
          frameAnchor: "left",
          textAnchor: "start",
          dx: 4,
          dy: -7,
          fontWeight: 600,
          stroke: "var(--surface)",
          strokeWidth: 3,
        }),
        Plot.ruleY([0], { stroke: "var(--line-strong)" }),
        Plot.ruleX(changes, { stroke: "var(--text)", strokeWidth: 1 }),
        Plot.text(changes, {
          x: (i) => i,
          text: (i) => `version ${reports[i].model_version}`,
          frameAnchor: "top",
          dy: -10,
          fill: "var(--text)",
          fontWeight: 600,
        }),
        Plot.tip(
          reports,
          Plot.pointerX({
            x: (_, i) => i,
            y: "drift_share",
            title: (report) =>
              `${told(report)}\n${percent(report.drift_share)} of the columns drift${report.full ? "" : "\nthe window is still filling"}`,
            ...TIP,
          }),
        ),
      ],
    };
  });
}

/** The columns, that with the strongest moment first; the score last, since it is the model's. */
export function ranked(history) {
  const strongest = new Map();
  for (const { strengths } of history) {
    for (const [name, strength] of Object.entries(strengths))
      strongest.set(name, Math.max(strength, strongest.get(name) ?? 0));
  }
  return [...strongest]
    .sort(([one, a], [other, b]) => (one === "score") - (other === "score") || b - a)
    .map(([name, strength]) => ({ name, strength }));
}

/**
 * Every column's strength as a multiple of its threshold, report by report.
 * @param {object[]} history
 */
export function heatMap(history) {
  const latest = history.at(-1);
  const rows = ranked(history).map(({ name }) => name);
  const drifting = latest.drifting.length ? latest.drifting.map(column).join(", ") : "no column";
  const said = `Strength of ${rows.length} columns report by report; over its threshold now: ${drifting}. The table below has the figures.`;
  return chart(rows.length * ROW + 26, said, [history.length, latest.at, latest.strengths], (width) => {
    const reports = newest(history, width);
    const { x, changes } = axis(reports);
    const cells = reports
      .flatMap((report, i) => rows.map((name) => ({ i, name, report, strength: report.strengths[name] })))
      .filter(({ strength }) => strength !== undefined);
    const ticks = spread(reports.length, Math.max(2, Math.floor(width / 220)));
    return {
      ...MARGIN,
      marginTop: 2,
      marginBottom: 24,
      x,
      y: { domain: rows, padding: 0, label: null },
      color: { type: "identity" },
      marks: [
        Plot.cell(cells, {
          x: "i",
          y: "name",
          fill: ({ strength }) => colour(strength),
          fillOpacity: ({ report }) => (report.full ? 1 : 0.45),
          inset: 0.5,
        }),
        Plot.axisY({
          tickFormat: column,
          tickSize: 0,
          fill: (name) => (latest.drifting.includes(name) ? "var(--text)" : "var(--muted)"),
        }),
        Plot.axisY({
          anchor: "right",
          tickFormat: (name) => times(latest.strengths[name]),
          tickSize: 0,
          fill: (name) => (latest.drifting.includes(name) ? "var(--text)" : "var(--muted)"),
          fontVariant: "tabular-nums",
        }),
        Plot.axisX(ticks, { label: null, tickFormat: (i) => timeOfDay(reports[i].at), tickSize: 4 }),
        Plot.ruleX(changes, { stroke: "var(--text)", strokeWidth: 1 }),
        Plot.tip(
          cells,
          Plot.pointer({
            x: "i",
            y: "name",
            title: ({ name, strength, report }) =>
              `${column(name)}\n${times(strength)} its threshold${strength >= 1 ? ": drifts" : ""}\n${told(report)}`,
            ...TIP,
          }),
        ),
      ],
    };
  });
}

/** Places for so many ticks, evenly, first and last among them. */
const spread = (length, ticks) => [
  ...new Set(d3.range(ticks).map((k) => Math.round((k * (length - 1)) / Math.max(1, ticks - 1)))),
];

/** What the colours mean. */
export const heatLegend = () =>
  h(
    "p",
    { class: "legend" },
    "calm",
    STEPS.map((step, i) => [
      step === 1 ? h("b", {}, "threshold") : null,
      h("span", { class: "swatch", style: `background: var(--heat-${i})` }),
    ]),
    "twice the threshold and more",
  );

/**
 * The heat map's figures, for screen readers and whoever wants to copy them.
 * @param {object[]} history
 */
export function heatTable(history) {
  const latest = history.at(-1);
  return h(
    "details",
    {},
    h("summary", {}, "The columns as a table"),
    h(
      "div",
      { class: "scrolled", tabindex: "0", role: "region", "aria-label": "Columns and their strengths" },
      h(
        "table",
        {},
        h(
          "thead",
          {},
          h(
            "tr",
            {},
            ["Column", "Now", "Strongest", "State"].map((head) => h("th", { scope: "col" }, head)),
          ),
        ),
        h(
          "tbody",
          {},
          ranked(history).map(({ name, strength }) =>
            h(
              "tr",
              { "data-key": name },
              h("th", { scope: "row" }, column(name)),
              h("td", { class: "figure" }, times(latest.strengths[name])),
              h("td", { class: "figure" }, times(strength)),
              h("td", {}, latest.drifting.includes(name) ? "drifts" : latest.full ? "calm" : "window filling"),
            ),
          ),
        ),
      ),
    ),
  );
}
