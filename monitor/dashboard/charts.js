// Charts that several sections share, and how a chart comes onto the page.

import { h } from "./dom.js";
import { column } from "./words.js";
import { finePercent, percent } from "./format.js";

/** The charting library and what it builds on, unchanged, from vendor/. */
export const { Plot, d3 } = window;

const STYLE = {
  background: "none",
  color: "var(--muted)",
  fontFamily: "inherit",
  fontSize: "11px",
  overflow: "visible",
};

/**
 * A place that a chart will be drawn into, as wide as there is room, whenever data or width change (`drawCharts`).
 * @param {number} height px, kept free from the start so that nothing jumps
 * @param {string} said what the chart shows, for those who do not see it
 * @param {unknown} data what it depends on
 * @param {(width: number) => object} plot the options of Plot.plot
 */
export function chart(height, said, data, plot) {
  const element = h("div", { class: "chart", style: `height: ${height}px` });
  element.drawing = {
    version: JSON.stringify([said, data]),
    draw: (width) => Plot.plot({ width, height, style: STYLE, ariaLabel: said, ...plot(width) }),
  };
  return element;
}

/** Draw what has changed below an element. @param {Element} root */
export function drawCharts(root) {
  for (const element of root.querySelectorAll(".chart")) {
    const width = element.clientWidth;
    const version = `${width} ${element.drawing.version}`;
    if (!width || element.drawn === version) continue;
    const drawn = element.drawing.draw(width);
    drawn.setAttribute("role", "img");
    // Of a picture only the whole has a name.
    for (const part of drawn.querySelectorAll("[aria-label]")) part.removeAttribute("aria-label");
    element.replaceChildren(drawn);
    element.drawn = version;
  }
}

const total = (counts, aside, side) => d3.sum(counts) + d3.sum(Object.values(aside), (both) => both[side]);

/**
 * A column of the window (filled) beside the reference (outline), as shares of their contacts.
 * @param {object} distribution as in driftline/events.py
 * @param {number} height px, of all of it
 */
export function distribution({ edges, values, reference, current, aside, column: name }, height) {
  const [before, now] = [total(reference, aside, 0) || 1, total(current, aside, 1) || 1];
  const rows = [
    ...values.map((value, i) => ({ value, before: reference[i] / before, now: current[i] / now })),
    ...Object.entries(aside).map(([value, both]) => ({
      value,
      before: both[0] / before,
      now: both[1] / now,
      aside: true,
    })),
  ];
  const table = rows.length ? pairedBars(rows, name) : null;
  if (!edges.length) return table;
  const bars = current.map((figure, i) => ({
    from: edges[i],
    to: edges[i + 1],
    now: figure / now,
    before: reference[i] / before,
  }));
  const free = height - (rows.length ? rows.length * 18 + 8 : 0);
  return [
    histogram(bars, free, `Distribution of ${column(name)}: the current window filled, the reference as an outline`),
    table,
  ];
}

function histogram(bars, height, said) {
  const outline = [
    { at: bars[0].from, share: 0 },
    ...bars.flatMap(({ from, to, before }) => [
      { at: from, share: before },
      { at: to, share: before },
    ]),
    { at: bars.at(-1).to, share: 0 },
  ];
  const plain = bars.at(-1).to > 1500 && bars.at(-1).to < 2200; // years are no thousands
  return chart(height, said, bars, (width) => ({
    marginLeft: 34,
    marginRight: 12,
    marginTop: 8,
    marginBottom: 22,
    x: { label: null, ticks: Math.min(10, width / 55), tickFormat: plain ? "d" : undefined, tickSize: 0 },
    y: {
      label: null,
      domain: [0, niceTop(d3.max(bars, ({ now, before }) => Math.max(now, before)))],
      tickFormat: percent,
      ticks: height > 160 ? 4 : 2,
      tickSize: 0,
      grid: true,
    },
    marks: [
      Plot.rectY(bars, { x1: "from", x2: "to", y: "now", fill: "var(--current)", insetLeft: 0.5, insetRight: 0.5 }),
      Plot.line(outline, {
        x: "at",
        y: "share",
        stroke: "var(--reference)",
        strokeWidth: 1.5,
        strokeLinejoin: "miter",
      }),
      Plot.ruleY([0], { stroke: "var(--line-strong)" }),
      Plot.tip(
        bars,
        Plot.pointerX({
          x: ({ from, to }) => (from + to) / 2,
          y: ({ now, before }) => Math.max(now, before),
          title: ({ from, to, now, before }) =>
            `${tidy(from)} to ${tidy(to)}\nreference ${finePercent(before)}\nnow ${finePercent(now)}`,
          ...TIP,
        }),
      ),
    ],
  }));
}

export const TIP = { fill: "var(--surface)", stroke: "var(--line-strong)", fontSize: 12, textPadding: 8 };

const tidy = (value) => d3.format(".4~r")(value);

/** Few different heights of an axis, so that it does not change with every contact. */
const niceTop = (share) => [0.1, 0.2, 0.3, 0.4, 0.5, 0.75].find((top) => share <= top) ?? 1;

/** Categories, and what is no bar of a number: a table whose middle column is drawn. */
function pairedBars(rows, name) {
  const widest = Math.max(...rows.map(({ before, now }) => Math.max(before, now)), 0.01);
  const bar = (share, side) => h("span", { class: side, style: `width: ${((100 * share) / widest).toFixed(1)}%` });
  return h(
    "table",
    { class: "bars" },
    h("caption", { class: "unseen" }, `Values of ${column(name)}: share of the reference and of the current window`),
    h(
      "colgroup",
      {},
      ["names", "", "shares", "shares"].map((width) => h("col", { class: width })),
    ),
    h(
      "thead",
      { class: "unseen" },
      h(
        "tr",
        {},
        ["value", "reference to now", "reference", "now"].map((head) => h("th", { scope: "col" }, head)),
      ),
    ),
    h(
      "tbody",
      {},
      rows.map(({ value, before, now, aside }) =>
        h(
          "tr",
          { class: aside ? "aside" : null },
          h("th", { scope: "row", class: "ellipsis", title: value }, value),
          h("td", { class: "drawn", "aria-hidden": "true" }, bar(before, "before"), bar(now, "now")),
          h("td", { class: "muted" }, percent(before)),
          h("td", {}, percent(now)),
        ),
      ),
    ),
  );
}

/** What is filled and what is an outline. */
export const legend = (filled = "current window", outline = "reference") =>
  h(
    "p",
    { class: "legend" },
    h("span", { class: "swatch now" }),
    filled,
    h("span", { class: "swatch before" }),
    outline,
  );
