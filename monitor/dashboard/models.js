// Which model answers, how it came to, and the way back.

import { chart, Plot } from "./charts.js";
import { h } from "./dom.js";
import { count, decimal, signed } from "./format.js";
import { at, badge, empty, since } from "./words.js";

const DECISIONS = { promoted: "promoted", rejected: "rejected", shadow: "shadow" };

/** @param {object} state */
export function models({ alerts, models: { champion, since: began, previous, versions, decisions, champions } }) {
  const known = new Set(alerts.map(({ alert }) => alert.id)); // others are older, or no alert: a change by hand
  return [
    h("h2", {}, "Model"),
    champion
      ? h(
          "div",
          { class: "champion" },
          h(
            "p",
            { class: "verdict" },
            h("b", {}, `Version ${champion}`),
            " is the champion",
            began ? [" since ", at(began), " (", since(began), ")."] : ".",
          ),
          h(
            "button",
            {
              type: "button",
              "data-key": "rollback",
              "data-action": "rollback",
              "data-from": champion,
              "data-to": previous,
              disabled: !previous,
              "aria-describedby": previous ? null : "no-rollback",
            },
            previous ? `Roll back to version ${previous} …` : "Roll back …",
          ),
          previous ? null : h("p", { class: "muted", id: "no-rollback" }, "There is no earlier version to go back to."),
        )
      : empty("There is no champion yet: the retrainer trains the first one when it starts.", "driftline retrain"),
    h("h3", {}, "Decisions of the gate"),
    decisions.length
      ? h(
          "ul",
          { class: "decisions" },
          decisions.map((one) => decision(one, known.has(one.trigger))),
        )
      : empty("No challenger has been judged yet. One is trained when an alert reaches the level retrain."),
    h("div", { class: "columns" }, history(champions), list(versions, champion)),
  ];
}

/** One decision of the gate, with its ΔAUC beside zero. @param {object} one @param {boolean} linked to its alert */
export function decision(one, linked) {
  return h(
    "li",
    { "data-key": `${one.trigger} ${one.at}` },
    h(
      "div",
      { class: "top" },
      badge(DECISIONS[one.decision] ?? "waiting", one.decision),
      h("b", {}, `version ${one.challenger} against ${one.champion ?? "none"}`),
      h("span", { class: "muted" }, at(one.at)),
      linked ? h("a", { href: `/alerts/${one.trigger}` }, "its alert") : null,
    ),
    h("p", {}, one.why ?? ""),
    one.interval ? interval(one) : null,
  );
}

function interval({ delta_auc: delta, interval: [low, high], labels }) {
  const said = `ΔAUC ${signed(delta)}, interval ${signed(low)} to ${signed(high)}, on ${labels === null ? "the" : count(labels)} held-out labels; to the right of zero the challenger ranks better`;
  const most = Math.max(0.1, Math.abs(low), Math.abs(high));
  return chart(56, said, [delta, low, high], (width) => ({
    marginLeft: 22,
    marginRight: 22,
    marginTop: 16,
    marginBottom: 20,
    x: { domain: [-most, most], label: null, ticks: Math.min(7, width / 60), tickFormat: "+.2f", tickSize: 0 },
    y: { axis: null },
    marks: [
      Plot.ruleX([0], { stroke: "var(--line-strong)" }),
      Plot.ruleY([0], { x1: low, x2: high, stroke: "var(--current)", strokeWidth: 3, strokeLinecap: "round" }),
      Plot.dotX([delta], { y: 0, r: 4.5, fill: "var(--current)" }),
      Plot.text([0], { x: 0, frameAnchor: "top", dy: -12, dx: -8, textAnchor: "end", text: () => "champion better" }),
      Plot.text([0], {
        x: 0,
        frameAnchor: "top",
        dy: -12,
        dx: 8,
        textAnchor: "start",
        text: () => "challenger better",
      }),
    ],
  }));
}

const history = (champions) =>
  h(
    "div",
    {},
    h("h3", {}, "Champions so far"),
    champions.length
      ? h(
          "ol",
          { class: "history" },
          champions.map(({ version, at: when }, i) =>
            h(
              "li",
              { "data-key": `${version} ${when}` },
              h("b", {}, `Version ${version}`),
              " ",
              h("span", { class: "muted" }, when ? [i === 0 ? "since " : "from ", at(when)] : "before that"),
            ),
          ),
        )
      : empty("None yet."),
  );

/** A metric by its own name or the one that the gate gave it. */
const metric = (metrics, name) => metrics[name] ?? metrics[`challenger_${name}`] ?? null;

const list = (versions, champion) =>
  h(
    "div",
    {},
    h("h3", {}, "Versions"),
    versions.length
      ? h(
          "div",
          { class: "scrolled", tabindex: "0", role: "region", "aria-label": "Model versions" },
          h(
            "table",
            {},
            h(
              "thead",
              {},
              h(
                "tr",
                {},
                ["Version", "Made", "Trained on", "Reference", "AUC", "Log-loss"].map((head) =>
                  h("th", { scope: "col" }, head),
                ),
              ),
            ),
            h(
              "tbody",
              {},
              versions.map(({ version, at: when, trained_on: trained, reference_rows: rows, metrics }) =>
                h(
                  "tr",
                  { "data-key": version },
                  h(
                    "th",
                    { scope: "row" },
                    version,
                    version === champion ? h("span", { class: "muted" }, " champion") : null,
                  ),
                  h("td", {}, at(when)),
                  h("td", { class: "figure" }, count(trained)),
                  h("td", { class: "figure" }, count(rows)),
                  h("td", { class: "figure" }, decimal(metric(metrics, "roc_auc"))),
                  h("td", { class: "figure" }, decimal(metric(metrics, "log_loss"))),
                ),
              ),
            ),
          ),
        )
      : empty("None yet."),
  );
