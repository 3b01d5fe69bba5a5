// Does the model see the people coming in as it saw those of its reference?

import { distribution, legend } from "./charts.js";
import { h } from "./dom.js";
import { count, times } from "./format.js";
import { empty, REPLAY } from "./words.js";

const HEIGHT = 260;

/** @param {object} state */
export function scores({ window, alerts }) {
  const found = window?.distributions.find(({ column }) => column === "score");
  if (!found) return [h("h2", {}, "Score distribution"), empty("No contact has been scored yet.", REPLAY)];
  return [
    h("h2", {}, "Score distribution"),
    h("p", { class: "verdict" }, verdict(window, alerts)),
    legend(),
    h("div", { class: "drawn", style: `min-height: ${HEIGHT}px` }, distribution(found, HEIGHT)),
    h(
      "p",
      { class: "muted" },
      `Share of contacts by score: the last ${count(window.window.contacts)} beside the ${count(window.reference.rows)} that version ${window.model_version} was judged on. Strength ${times(window.strengths.score)} its threshold${window.drifting.includes("score") && window.strengths.score < 1 ? "; found contact by contact" : ""}.`,
    ),
  ];
}

function verdict({ drifting, columns, full }, alerts) {
  const moved = columns.find(({ name }) => name === "score");
  if (drifting.includes("score")) return `The scores have moved${moved ? `: ${moved.cause}` : ""}.`;
  const firing = alerts.find(({ alert }) => alert.kind === "prediction_drift" && alert.state === "firing");
  if (firing) return "The scores had moved, and an alert about it is still firing.";
  return full ? "The scores lie where they lay on the reference." : "The window is still filling.";
}
