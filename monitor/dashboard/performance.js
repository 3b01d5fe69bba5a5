// Does the system keep up?

import { chart, d3, legend, Plot, TIP } from "./charts.js";
import { h } from "./dom.js";
import { compact, count, duration, milliseconds, plural, timeOfDay } from "./format.js";
import { at, empty, REPLAY } from "./words.js";

const BEHIND = 1_000; // contacts, from which on it is worth a word

/** @param {object} state */
export function performance({ performance: figures, health }) {
  const { lag, latency_ms: latency, alert_seconds: alerted } = figures;
  if (!health.contacts.replayed && !latency)
    return [h("h2", {}, "Performance"), empty("Nothing has flowed yet, so there is nothing to measure.", REPLAY)];
  const scored = last(figures.scored);
  return [
    h("h2", {}, "Performance"),
    h("p", { class: "verdict" }, verdict(lag, health.trouble)),
    h(
      "dl",
      { class: "figures" },
      figure("Throughput", scored === undefined ? "–" : count(scored), "contacts scored a second"),
      figure(
        "Latency, median",
        latency ? milliseconds(latency.p50) : "–",
        latency ? `95% ${milliseconds(latency.p95)}, 99% ${milliseconds(latency.p99)}` : "from sent to scored",
      ),
      figure("Contact to report", alerted === null ? "–" : duration(alerted), "newest of the window"),
      figure(
        "Lag",
        lag.score === null || lag.monitor === null ? "–" : count(lag.score + lag.monitor),
        `${count(lag.score)} to score, ${count(lag.monitor)} to monitor`,
      ),
    ),
    legend("scored a second", "replayed a second"),
    throughput(figures),
    letters(figures.dead_letters),
  ];
}

const last = (values) => values.filter((value) => value !== null).at(-1);

function verdict({ score, monitor }, trouble) {
  if (score === null || monitor === null || trouble)
    return "How far behind the workers are cannot be told: the broker does not answer.";
  if (Math.max(score, monitor) > BEHIND)
    return `The ${score > monitor ? "scorer" : "monitor"} is ${count(Math.max(score, monitor))} contacts behind.`;
  return "The workers keep up.";
}

const figure = (name, value, more) =>
  h("div", {}, h("dt", {}, name), h("dd", { class: "value" }, value), h("dd", { class: "muted" }, more));

function throughput({ at: seconds, replayed, scored }) {
  const rows = seconds.map((when, i) => ({ when, at: new Date(when), replayed: replayed[i], scored: scored[i] }));
  const known = rows.filter((row) => row.scored !== null);
  const said = known.length
    ? `Contacts a second over the last ${duration((known.at(-1).at - known[0].at) / 1000)}: ${count(last(replayed))} replayed and ${count(last(scored))} scored now`
    : "No throughput yet";
  return chart(170, said, [seconds.at(-1), replayed, scored], (width) => ({
    marginLeft: 34,
    marginRight: 26,
    marginTop: 8,
    marginBottom: 22,
    x: {
      type: "time",
      label: null,
      ticks: Math.max(2, Math.floor(width / 110)),
      tickFormat: (date) => timeOfDay(date),
      tickSize: 0,
    },
    y: {
      label: null,
      domain: [0, roundTop(d3.max(rows, (row) => Math.max(row.replayed ?? 0, row.scored ?? 0)) ?? 0)],
      ticks: 2,
      tickFormat: compact,
      tickSize: 0,
      grid: true,
    },
    marks: [
      Plot.areaY(rows, { x: "at", y: "scored", fill: "var(--current)", fillOpacity: 0.25 }),
      Plot.lineY(rows, { x: "at", y: "scored", stroke: "var(--current)" }),
      Plot.lineY(rows, { x: "at", y: "replayed", stroke: "var(--reference)" }),
      Plot.ruleY([0], { stroke: "var(--line-strong)" }),
      Plot.tip(
        known,
        Plot.pointerX({
          x: "at",
          y: "scored",
          title: (row) => `${timeOfDay(row.when)}\nreplayed ${count(row.replayed)}/s\nscored ${count(row.scored)}/s`,
          ...TIP,
        }),
      ),
    ],
  }));
}

/** The next of 1, 2, 5 times a power of ten, at least 10: an axis that does not change all the time. */
function roundTop(most) {
  const power = 10 ** Math.floor(Math.log10(Math.max(10, most)));
  return [1, 2, 5, 10].map((step) => step * power).find((top) => most <= top);
}

function letters({ count: all, reasons }) {
  if (!all) return h("p", { class: "muted" }, "No dead letters: every input could be read.");
  return h(
    "details",
    {},
    h("summary", {}, `${plural(all, "dead letter")}: inputs that could not be used`),
    h(
      "table",
      {},
      h(
        "thead",
        {},
        h(
          "tr",
          {},
          ["Reason", "How many", "Last"].map((head) => h("th", { scope: "col" }, head)),
        ),
      ),
      h(
        "tbody",
        {},
        reasons.map(({ reason, count: of, last_at: when }) =>
          h(
            "tr",
            { "data-key": reason },
            h("td", {}, reason),
            h("td", { class: "figure" }, count(of)),
            h("td", {}, at(when)),
          ),
        ),
      ),
    ),
  );
}
