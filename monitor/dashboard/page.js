// What both pages have in common: charts that fit, times that go on, and a line about the connection.

import { drawCharts } from "./charts.js";
import { ago } from "./format.js";

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
