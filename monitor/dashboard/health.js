// Is every part of the system there, and has every contact been dealt with?

import { h, icon } from "./dom.js";
import { count, duration, percent, plural } from "./format.js";
import { at, badge, empty, REPLAY } from "./words.js";

const PARTS = { kafka: "Kafka broker", redis: "Redis", mlflow: "MLflow", api: "Scoring API", dashboard: "Dashboard" };
const WORKERS = { score: "Scorer", monitor: "Monitor", retrain: "Retrainer" };

/** @param {object} state */
export function health({ health: { parts, workers, contacts, labels, retraining } }) {
  const absent = [
    ...Object.entries(parts)
      .filter(([, { reachable }]) => !reachable)
      .map(([name]) => PARTS[name] ?? name),
    ...Object.entries(workers)
      .filter(([name, { alive, pid }]) => !alive && pid !== null && !(name in parts))
      .map(([name]) => WORKERS[name] ?? name),
  ];
  return [
    h("h2", {}, "Health"),
    h(
      "p",
      { class: "verdict" },
      absent.length
        ? `Not there: ${absent.join(", ")}. See the logs, or \`driftline status\`.`
        : "Every part is there.",
    ),
    h(
      "ul",
      { class: "parts", "aria-label": "Parts" },
      Object.entries(parts).map(([name, { reachable, address }]) =>
        part(name, PARTS[name], reachable ? "fine" : "gone", reachable ? "reachable" : "does not answer", address),
      ),
      // A server that answers is alive.
      Object.entries(workers)
        .filter(([name]) => !(name in parts))
        .map(([name, worker]) => part(`worker ${name}`, WORKERS[name] ?? name, ...running(worker))),
    ),
    h("div", { class: "columns" }, journey(contacts), labelled(labels, retraining)),
  ];
}

/** State, word and more of a worker; one that another machine runs has no process id here. */
function running({ pid, alive, lag }) {
  const behind = lag === null ? "running" : lag > 0 ? `${count(lag)} behind` : "up to date";
  if (alive) return ["fine", "running", behind];
  return pid === null ? ["unknown", "not of this machine", behind] : ["gone", "not running", behind];
}

const part = (key, name, state, word, more) =>
  h(
    "li",
    { class: "part", "data-key": key },
    h("span", { class: `state ${state}` }, icon(state), h("span", { class: "unseen" }, word)),
    h("span", { class: "name ellipsis" }, name ?? key),
    h("span", { class: "muted ellipsis", title: more }, state === "fine" ? more : word),
  );

function journey({ replayed, scored, monitored, dead_letters: dead }) {
  const left = replayed - scored - dead;
  const unseen = scored - monitored;
  const steps = [
    ["replayed", replayed],
    ["scored", scored],
    ["monitored", monitored],
  ];
  return h(
    "div",
    {},
    h("h3", {}, "Contacts"),
    replayed
      ? [
          h(
            "ol",
            { class: "journey" },
            steps.map(([name, value]) => h("li", {}, h("b", {}, count(value)), h("span", { class: "muted" }, name))),
          ),
          h(
            "p",
            { class: "muted" },
            left > 0 || unseen > 0
              ? `${count(Math.max(0, left))} wait for the scorer, ${count(Math.max(0, unseen))} for the monitor; ${plural(dead, "dead letter")}.`
              : `Every contact is accounted for; ${plural(dead, "dead letter")}.`,
          ),
        ]
      : empty("No contact has come yet.", REPLAY),
  );
}

function labelled(labels, retraining) {
  const account = labels?.contacts
    ? `${count(labels.joined)} of the champion's ${count(labels.contacts)} contacts have a label (${percent(labels.joined / labels.contacts)})` +
      (labels.median_delay_seconds === null
        ? "."
        : `, ${labels.median_delay_seconds < 1 ? "at once" : `after ${duration(labels.median_delay_seconds)}`} (median).`)
    : "No label has come yet. Labels say who engaged; a replay of a scenario sends them by itself.";
  return h(
    "div",
    {},
    h("h3", {}, "Labels and retraining"),
    h("p", {}, account),
    h("p", { class: "muted" }, retraining ? underWay(retraining) : "No retraining is under way."),
  );
}

const underWay = ({ step, since: began, alert }) => [
  badge("retrain", step),
  " since ",
  at(began),
  alert ? [", for ", h("a", { href: `/alerts/${alert}` }, `alert ${alert}`)] : ", for the first champion",
];
