// The answer to "are these still our people?", in one sentence.

import { h, icon } from "./dom.js";
import { count, milliseconds, percent } from "./format.js";
import { notice } from "./page.js";
import { at, badge, column, columns, KINDS, REPLAY, since } from "./words.js";

/** What answers the question, then what else may be wrong with the scores. A model that is due is neither. */
const SENTENCES = {
  data_drift: (alert) => `Not the same people: ${columns(alert.columns.map(({ name }) => name))} changed.`,
  data_quality: (alert) => `Filled in differently: ${columns(alert.columns.map(({ name }) => name))}.`,
  concept_drift: () => "The scores no longer tell who engages.",
  prediction_drift: () => "The model scores the people coming in differently.",
  business: () => "Hardly anyone engages any more.",
};
const ORDER = [...Object.keys(SENTENCES), "performance"];

/** @param {object} state */
export function headline(state) {
  const firing = state.alerts.map(({ alert }) => alert).filter(({ state: now }) => now === "firing");
  firing.sort((one, other) => ORDER.indexOf(one.kind) - ORDER.indexOf(other.kind));
  const first = firing.find(({ kind }) => kind in SENTENCES);
  const level = first?.level ?? (state.window?.full ? "calm" : "waiting");
  return [
    notice(state),
    h(
      "div",
      { class: `answer ${level}` },
      h("p", { class: "question" }, "Are these still our people?"),
      // Only the sentence is read out when it changes, not the figures that move all the time.
      h(
        "h1",
        { "aria-live": "polite", "aria-atomic": "true" },
        icon(level),
        h("span", {}, first ? SENTENCES[first.kind](first) : quiet(state)),
      ),
      h("p", { class: "explained" }, first ? explained(first) : reassured(state, firing.length === 0)),
    ),
    firing.length ? firingList(firing) : null,
    figures(state),
  ];
}

function quiet({ window, health, settings }) {
  if (!window && health.trouble) return "That cannot be told yet.";
  if (!window && health.contacts.scored > 0)
    return "The first contacts have been scored; the monitor has yet to see them.";
  if (!window) return "Nobody has come in yet.";
  if (window.full) return "The people coming in are still those the model knows.";
  return `Getting to know the people coming in: ${count(window.window.contacts)} of ${count(settings.window)}.`;
}

function explained(alert) {
  return [
    badge(alert.level),
    h("span", {}, "since ", at(alert.started_at), " (", since(alert.started_at), ")"),
    h("span", {}, more(alert)),
  ];
}

/** What the sentence has not said yet. */
function more({ kind, columns: [strongest], summary }) {
  return SENTENCES[kind].length && strongest ? `Most of all ${column(strongest.name)}: ${strongest.cause}.` : summary;
}

function reassured({ window, health, settings }, alone) {
  if (!window && health.trouble) return null;
  if (!window) return h("span", {}, "Send contacts and this page fills by itself: ", h("code", {}, REPLAY));
  if (!window.full)
    return h(
      "span",
      {},
      `The window has ${count(window.window.contacts)} of ${count(settings.window)} contacts; it is compared with the reference once it is full. Evidence is gathered from the first contact on.`,
    );
  const over = window.drifting.length
    ? ` ${columns(window.drifting)} over the threshold at the moment, which alone is no alert.`
    : "";
  return [
    badge("calm"),
    h(
      "span",
      {},
      `${alone ? "No alert is firing. " : ""}The last ${count(window.window.contacts)} contacts look like the ${count(window.reference.rows)} that version ${window.model_version} was judged on.${over}`,
    ),
  ];
}

const firingList = (firing) =>
  h(
    "nav",
    { class: "urgent", "aria-label": "Firing alerts" },
    firing.map((alert) =>
      h(
        "a",
        { href: `/alerts/${alert.id}`, "data-key": alert.id },
        badge(alert.level),
        h("span", { class: "kind" }, KINDS[alert.kind]),
        h("span", { class: "muted" }, since(alert.started_at)),
        h("span", { class: "go" }, "What to do →"),
      ),
    ),
  );

function figures({ window, health, performance, models }) {
  const scored = performance.scored.filter((value) => value !== null).at(-1);
  const all = window ? Object.keys(window.strengths).filter((name) => name !== "score").length : null;
  const drifting = window?.drifting.filter((name) => name !== "score").length;
  return h(
    "dl",
    { class: "figures" },
    figure("Contacts monitored", count(health.contacts.monitored), window ? ["newest ", at(window.at)] : "none yet"),
    figure(
      "Columns that drift",
      window ? count(drifting) : "–",
      window ? `of ${all}, ${percent(window.drift_share)}` : "no window yet",
    ),
    figure(
      "Scored a second",
      scored === undefined ? "–" : count(scored),
      performance.latency_ms ? `95% within ${milliseconds(performance.latency_ms.p95)}` : "nothing scored yet",
    ),
    figure(
      "Champion",
      models.champion ? `Version ${models.champion}` : "none",
      models.since ? ["since ", at(models.since)] : "the first is trained at the start",
    ),
  );
}

const figure = (name, value, more) =>
  h("div", {}, h("dt", {}, name), h("dd", { class: "value" }, value), h("dd", { class: "muted" }, more));
