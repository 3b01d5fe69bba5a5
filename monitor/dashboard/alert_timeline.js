// Every alert from its beginning to its end, each a link to its page.

import { h } from "./dom.js";
import { count, duration, now } from "./format.js";
import { at, badge, columns, empty, KINDS, LEVELS, since } from "./words.js";

const AT_ONCE = 8;

/** @param {{alert: object, changes: object[]}[]} alerts those that fire first, and of either the newest */
export function timeline(alerts) {
  const firing = alerts.filter(({ alert }) => alert.state === "firing").length;
  const title = h("h3", {}, "Alerts");
  if (!alerts.length)
    return [title, empty("No alert so far. When one fires it stands here, with a page that says what to do.")];
  const from = Math.min(...alerts.slice(0, AT_ONCE).map(({ alert }) => Date.parse(alert.started_at)));
  const to = Math.max(
    ...alerts.map(({ alert }) => Date.parse(alert.resolved_at ?? alert.updated_at)),
    firing ? now() : 0,
  );
  const place = (when) => (100 * Math.min(1, Math.max(0, (when - from) / Math.max(1, to - from)))).toFixed(2);
  return [
    title,
    h(
      "p",
      { class: "muted" },
      firing ? `${firing} firing, ${alerts.length - firing} resolved.` : `None firing, ${alerts.length} resolved.`,
    ),
    list(alerts.slice(0, AT_ONCE), place),
    alerts.length > AT_ONCE
      ? h(
          "details",
          {},
          h("summary", {}, `${alerts.length - AT_ONCE} earlier alerts`),
          list(alerts.slice(AT_ONCE), null),
        )
      : null,
  ];
}

const list = (alerts, place) =>
  h(
    "ul",
    { class: "timeline" },
    alerts.map((one) => row(one, place)),
  );

function row({ alert, changes, fired }, place) {
  const firing = alert.state === "firing";
  const highest =
    changes.map(({ level }) => level).sort((one, other) => LEVELS.indexOf(other) - LEVELS.indexOf(one))[0] ??
    alert.level;
  const lasted = (Date.parse(alert.resolved_at ?? alert.updated_at) - Date.parse(alert.started_at)) / 1000;
  return h(
    "li",
    { "data-key": alert.id, class: firing ? "firing" : "resolved" },
    h(
      "a",
      { href: `/alerts/${alert.id}` },
      firing ? badge(alert.level) : badge("resolved", alert.acknowledged_at ? "accepted" : "resolved"),
      h(
        "span",
        { class: "what" },
        h("b", {}, KINDS[alert.kind]),
        h("span", { class: "muted" }, columns((fired ?? alert).columns.map(({ name }) => name))),
      ),
      h(
        "span",
        { class: "muted when" },
        at(alert.started_at),
        firing ? [", ", since(alert.started_at)] : `, for ${duration(lasted)}, up to ${highest}`,
      ),
    ),
    place ? h("span", { class: "track", "aria-hidden": "true" }, spans(alert, changes, place)) : null,
  );
}

/** The stretch of each level. */
function spans(alert, changes, place) {
  const end = alert.state === "firing" ? 100 : place(Date.parse(alert.resolved_at ?? alert.updated_at));
  const steps = changes.filter(({ state }) => state === "firing");
  return steps.map(({ level, at: when }, i) => {
    const left = place(Date.parse(i === 0 ? alert.started_at : when));
    const right = i + 1 < steps.length ? place(Date.parse(steps[i + 1].at)) : end;
    return h("span", {
      class: `span ${level}`,
      style: `left: ${left}%; width: max(4px, ${(right - left).toFixed(2)}%)`,
    });
  });
}
