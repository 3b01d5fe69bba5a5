// One column of the window: how strongly it differs from the reference, how, and both distributions.

import { distribution } from "./charts.js";
import { h } from "./dom.js";
import { times } from "./format.js";
import { badge, column } from "./words.js";

const HEIGHT = 240; // px; style.css keeps them free whatever the column holds

/**
 * @param {object} found the column's distribution
 * @param {object} window the report that it stands in
 * @param {string} [heading]
 */
export function card(found, window, heading = "h4") {
  const described = window.columns.find(({ name }) => name === found.column);
  const drifts = window.drifting.includes(found.column);
  const strength = window.strengths[found.column];
  return h(
    "li",
    { class: drifts ? "card drifts" : "card", "data-key": found.column },
    h(
      "div",
      { class: "top" },
      h(heading, {}, column(found.column)),
      drifts ? badge("alert", "drifts") : badge(window.full ? "calm" : "waiting", window.full ? "calm" : "filling"),
      h("span", { class: "strength" }, times(strength)),
    ),
    h(
      "p",
      { class: "muted cause", title: described?.cause },
      drifts
        ? because(described, strength)
        : window.full
          ? "within what chance explains"
          : "compared once the window is full",
    ),
    h("div", { class: "distribution" }, distribution(found, HEIGHT)),
  );
}

/** The cause, of those columns that are described; below its threshold, a column is found by the evidence of single contacts, before the window shows it. */
const because = (described, strength) =>
  [described?.cause, strength < 1 ? "found contact by contact" : null].filter(Boolean).join("; ");
