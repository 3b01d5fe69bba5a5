// What both pages have in common: charts that fit, times that go on, and how old it is what they show.

import { drawCharts } from "./charts.js";
import { h, icon } from "./dom.js";
import { ago, count, now } from "./format.js";

const OLD = 10_000; // ms, of the newest contact in the window, while others wait for the monitor

/** Keep charts as wide as their place and relative times true. @param {Element} root */
export function keepUp(root) {
  let asked = 0;
  new ResizeObserver(() => {
    cancelAnimationFrame(asked);
    asked = requestAnimationFrame(() => drawCharts(root));
  }).observe(root);
  setInterval(() => {
    for (const time of root.querySelectorAll("time[data-ago]")) {
      const said = ago(time.dateTime);
      if (time.textContent !== said) time.textContent = said;
    }
  }, 1_000);
}

/** Say whether the page is up to date. @param {boolean} connected */
export function sayConnection(connected) {
  const line = document.getElementById("connection");
  line.className = connected ? "live" : "lost";
  line.lastElementChild.textContent = connected ? "Live" : "Connection lost, trying again …";
}

/** What to say where the page cannot show how it is now; null where it can. @param {object} state */
export function notice({ health, performance: { lag }, window, settings }) {
  const said = (what) => h("p", { class: "notice" }, icon("gone"), what);
  if (health.trouble) return said(`Waiting: ${health.trouble}. What you see is how it was.`);
  const waiting = lag.score + lag.monitor;
  if (!window || waiting <= settings.window || now() - Date.parse(window.at) < OLD) return null;
  return said(`${count(waiting)} contacts have yet to be monitored. What you see is how it was ${ago(window.at)}.`);
}
