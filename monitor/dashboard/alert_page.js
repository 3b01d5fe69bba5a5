// The page of one alert: what, since when, the evidence, what to do, and what became of it.

import { evidence } from "./alert_evidence.js";
import { card } from "./column_card.js";
import { drawCharts, legend } from "./charts.js";
import { confirm } from "./confirm.js";
import { h, icon, show } from "./dom.js";
import { count, percent, setClock } from "./format.js";
import { follow } from "./live.js";
import { decision } from "./models.js";
import { keepUp, notice, sayConnection } from "./page.js";
import { openReport } from "./report_link.js";
import { runbook } from "./runbook.js";
import { at, badge, KINDS, since } from "./words.js";

const id = location.pathname.split("/").at(-1); // as it is encoded there
const page = document.querySelector("main");
/** @type {object|null} */
let shown = null;

/** Fetch the alert and draw it; it is asked for again whenever alerts or decisions change. @param {object} state */
async function draw(state) {
  let response, answer;
  try {
    response = await fetch(`/api/alerts/${id}`);
    answer = await response.json();
    if (!response.ok && response.status !== 404) return;
  } catch {
    return; // the line on top says that the connection is lost; once it is back, this is called again
  }
  document.title = response.ok ? `${KINDS[answer.alert.kind]} · Driftline` : "No such alert · Driftline";
  shown = response.ok ? answer.alert : null;
  show(
    page,
    h("div", { id: "notice", "data-key": "notice", "data-kept": true }),
    response.ok ? view(answer) : absent(answer.detail, state.health.trouble),
  );
  page.removeAttribute("aria-busy");
  drawCharts(page);
}

const absent = (detail, trouble) => [
  h("h1", {}, trouble ? "This alert cannot be shown yet" : "There is no such alert"),
  h("p", {}, trouble ? "The alerts have to be read first." : `${detail}.`),
  h("p", {}, h("a", { href: "/" }, "See the alerts that there are")),
];

function view({ alert, changes, decisions, acknowledge, fired }) {
  const firing = alert.state === "firing";
  const todo = runbook(alert);
  return [
    h(
      "div",
      { class: `answer ${firing ? alert.level : "resolved"}` },
      h("p", { class: "question" }, KINDS[alert.kind], " ", h("span", { class: "muted" }, alert.id)),
      h(
        "h1",
        { "aria-live": "polite", "aria-atomic": "true" },
        icon(firing ? alert.level : "resolved"),
        h("span", {}, alert.summary),
      ),
      h(
        "p",
        { class: "explained" },
        badge(firing ? alert.level : "resolved"),
        h(
          "span",
          {},
          firing ? "firing since " : "fired from ",
          at(alert.started_at),
          firing ? [" (", since(alert.started_at), ")"] : [" to ", at(alert.resolved_at ?? alert.updated_at)],
        ),
        alert.acknowledged_at ? h("span", {}, "accepted ", at(alert.acknowledged_at)) : null,
        !firing && fired ? h("span", {}, "It said: ", fired.summary) : null,
      ),
    ),
    h("section", { class: "panel", "aria-labelledby": "todo" }, whatToDo(alert, todo, acknowledge)),
    h("section", { class: "panel", "aria-labelledby": "evidence" }, evidence(fired ?? alert)),
    firing
      ? h("section", {
          class: "panel",
          id: "now",
          "data-key": "now",
          "data-kept": true,
          hidden: true,
          "aria-label": "What it looks like now",
        })
      : null,
    decisions.length
      ? h(
          "section",
          { class: "panel", "aria-labelledby": "decided" },
          h("h2", { id: "decided" }, "What the gate decided"),
          h(
            "ul",
            { class: "decisions" },
            decisions.map((one) => decision(one, false)),
          ),
        )
      : null,
    h(
      "section",
      { class: "panel", "aria-labelledby": "changes" },
      h("h2", { id: "changes" }, "How it went"),
      h("ol", { class: "changes" }, changes.map(change)),
    ),
  ];
}

function whatToDo(alert, { cause, steps, meant, urgency }, acknowledge) {
  return [
    h("h2", { id: "todo" }, alert.state === "firing" ? "What to do" : "What it was, and what to do"),
    h("p", { class: "verdict" }, urgency),
    h("p", {}, h("b", {}, "Likely cause. "), cause),
    h(
      "ol",
      { class: "steps" },
      steps.map((step) => h("li", {}, step)),
    ),
    h(
      "p",
      { class: "choices" },
      acknowledge
        ? h(
            "button",
            { type: "button", "data-key": "acknowledge", "data-action": "acknowledge" },
            "It is meant: acknowledge …",
          )
        : null,
      h("a", { class: "button", href: `/alerts/${alert.id}/report`, "data-action": "report" }, "Evidently report"),
      h("a", { class: "button", href: alert.runbook, rel: "noreferrer" }, "The guide on this"),
    ),
    acknowledge
      ? h(
          "p",
          { class: "muted" },
          `${meant}? Acknowledge, and these columns raise no alert of this kind again until the next promoted model brings its own reference. What else drifts is still told.`,
        )
      : null,
    h("p", { class: "muted", id: "report", role: "status" }),
  ];
}

const change = ({ state, level, at: when, at_contact: contact, drift_share: share }) =>
  h(
    "li",
    { "data-key": when + level + state },
    state === "firing" ? badge(level) : badge("resolved"),
    h("span", {}, at(when)),
    h("span", { class: "muted" }, `contact ${count(contact)}, drift share ${percent(share)}`),
  );

page.addEventListener("click", (event) => {
  const action = event.target.closest("[data-action]")?.dataset.action;
  if (action === "report") openReport(event, document.getElementById("report"));
  if (action !== "acknowledge") return;
  confirm({
    title: "Acknowledge this alert?",
    consequence:
      "It is resolved, and its columns raise no alert of this kind again until the reference changes. Everybody sees that it was accepted.",
    verb: "Acknowledge",
    url: `/api/alerts/${id}/acknowledge`,
  });
});

/** The columns of the alert as they are now, while it fires; the rest of the page is as it was when it last changed. */
function drawNow(state) {
  const place = document.getElementById("now");
  const names = shown?.columns.map(({ name }) => name) ?? [];
  const drawn = state.window?.distributions.filter(({ column: name }) => names.includes(name)) ?? [];
  if (!place) return;
  place.hidden = !drawn.length;
  if (!drawn.length) return;
  show(
    place,
    h("h2", {}, "What it looks like now"),
    h("p", { class: "verdict" }, "The window of this moment; the evidence above is that of the alert's last change."),
    legend(),
    h(
      "ul",
      { class: "cards" },
      drawn.map((found) => card(found, state.window, "h3")),
    ),
  );
  drawCharts(place);
}

keepUp(page);
let turn = Promise.resolve(); // one after the other, so that no older answer is drawn last
follow((state, changed) => {
  if (changed.has("now")) setClock(state.now);
  const drawn = turn.then(async () => {
    if (changed.has("alerts") || changed.has("models")) await draw(state);
    const place = document.getElementById("notice");
    if (place) show(place, notice(state));
    drawNow(state);
  });
  turn = drawn.catch(reportError); // what comes next is drawn all the same
}, sayConnection);
