// The page: every section is a function of the state, drawn anew when what it needs has changed.

import { drawCharts } from "./charts.js";
import { confirm } from "./confirm.js";
import { show } from "./dom.js";
import { drift } from "./drift.js";
import { setClock } from "./format.js";
import { headline } from "./headline.js";
import { health } from "./health.js";
import { follow } from "./live.js";
import { models } from "./models.js";
import { keepUp, sayConnection } from "./page.js";
import { performance } from "./performance.js";
import { predictions } from "./predictions.js";
import { scores } from "./scores.js";

const SECTIONS = [
  { id: "headline", view: headline, needs: ["window", "alerts", "health", "performance", "models"] },
  { id: "health", view: health, needs: ["health"] },
  { id: "scores", view: scores, needs: ["window", "alerts"] },
  { id: "performance", view: performance, needs: ["performance", "health"] },
  { id: "drift", view: drift, needs: ["window", "history", "alerts"] },
  { id: "predictions", view: predictions, needs: ["predictions"] },
  { id: "models", view: models, needs: ["models", "alerts"] },
];

const page = document.querySelector("main");

function draw(state, changed) {
  if (changed.has("now")) setClock(state.now);
  for (const { id, view, needs } of SECTIONS) {
    if (!needs.some((key) => changed.has(key))) continue;
    const section = document.getElementById(id);
    try {
      show(section, view(state));
      drawCharts(section);
    } catch (fault) {
      reportError(fault); // the other sections stand all the same
    }
  }
  page.removeAttribute("aria-busy");
}

page.addEventListener("click", ({ target }) => {
  const button = target.closest("[data-action=rollback]");
  if (!button) return;
  const { from, to } = button.dataset;
  confirm({
    title: `Roll back from version ${from} to version ${to}?`,
    consequence: `Scorer and monitor go back to version ${to} and its reference at once, while contacts keep flowing. Version ${from} is kept and can be promoted again.`,
    verb: "Roll back",
    url: "/api/models/rollback",
    body: { from },
  });
});

keepUp(page);
follow(draw, sayConnection);
