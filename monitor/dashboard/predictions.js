// The last predictions: what the model said, nothing of whom.

import { h } from "./dom.js";
import { decimal, milliseconds } from "./format.js";
import { at, empty, REPLAY } from "./words.js";

const HEADS = ["Scored", "Score", "Answer", "Confidence", "Seniority", "Geography", "Kind of role", "Model", "Latency"];

/** @param {object} state */
export function predictions({ predictions: latest }) {
  const title = h("h2", {}, "Recent predictions");
  if (!latest.length) return [title, empty("No contact has been scored yet.", REPLAY)];
  return [
    title,
    h(
      "p",
      { class: "verdict" },
      "What the model said last. No names, no ids, no texts: nobody can be recognised here.",
    ),
    h(
      "div",
      { class: "scrolled", tabindex: "0", role: "region", "aria-label": "Predictions, the newest first" },
      h(
        "table",
        {},
        h(
          "thead",
          {},
          h(
            "tr",
            {},
            HEADS.map((head) => h("th", { scope: "col" }, head)),
          ),
        ),
        h("tbody", {}, latest.map(row)),
      ),
    ),
  ];
}

const row = (one) =>
  h(
    "tr",
    {},
    h("td", {}, at(one.at)),
    h(
      "td",
      { class: "figure" },
      h(
        "span",
        { class: "score", "aria-hidden": "true" },
        h("span", { style: `width: ${(100 * one.score).toFixed(0)}%` }),
      ),
      decimal(one.score),
    ),
    h("td", {}, one.label.replace("_", " ")),
    h("td", {}, one.confidence),
    ...[one.seniority, one.geography, one.business_type].map((value) =>
      h("td", {}, value?.replaceAll("_", " ") ?? "–"),
    ),
    h("td", {}, one.model_version),
    h("td", { class: "figure" }, milliseconds(one.latency_ms)),
  );
