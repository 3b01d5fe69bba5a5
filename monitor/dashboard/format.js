// Numbers and times as people read them, in the reader's language and time zone.

const LANGUAGE = "en";
const NONE = "–";

const number = (options) => {
  const format = new Intl.NumberFormat(LANGUAGE, options);
  return (/** @type {number|null|undefined} */ value) =>
    value === null || value === undefined ? NONE : format.format(value);
};

export const count = number({ maximumFractionDigits: 0 });
export const percent = number({ style: "percent", maximumFractionDigits: 0 });
export const finePercent = number({ style: "percent", maximumFractionDigits: 1 });
export const decimal = number({ minimumFractionDigits: 2, maximumFractionDigits: 2 });
export const signed = number({ minimumFractionDigits: 3, maximumFractionDigits: 3, signDisplay: "always" });
export const significant = number({ maximumSignificantDigits: 3 });
export const compact = number({ notation: "compact", maximumSignificantDigits: 3 });

const SUPERSCRIPT = { 0: "⁰", 1: "¹", 2: "²", 3: "³", 4: "⁴", 5: "⁵", 6: "⁶", 7: "⁷", 8: "⁸", 9: "⁹" };

/** Evidence is a product and grows without bound. @param {number} value */
export function statistic(value) {
  if (Math.abs(value) < 1e9) return Math.abs(value) < 1_000 ? significant(value) : compact(value);
  const [factor, power] = value.toExponential(0).split("e+");
  return `${factor}×10${[...power].map((digit) => SUPERSCRIPT[digit]).join("")}`;
}

/** @param {number|null} value */
export const milliseconds = (value) =>
  value === null ? NONE : value < 1000 ? `${count(value)} ms` : `${significant(value / 1000)} s`;

/** How many times its threshold a column reaches. @param {number|null|undefined} value */
export const times = (value) =>
  value === null || value === undefined ? NONE : value >= 10 ? `${count(value)}×` : `${decimal(value)}×`;

/** @param {number} figure @param {string} one @param {string} [many] */
export const plural = (figure, one, many = `${one}s`) => `${count(figure)} ${figure === 1 ? one : many}`;

const clock = new Intl.DateTimeFormat(LANGUAGE, {
  hour: "2-digit",
  minute: "2-digit",
  second: "2-digit",
  hourCycle: "h23",
});
const day = new Intl.DateTimeFormat(LANGUAGE, { day: "numeric", month: "short" });
const whole = new Intl.DateTimeFormat(LANGUAGE, { dateStyle: "full", timeStyle: "long" });

/** The time of day, with the date unless it is today's. @param {string} at RFC 3339 */
export function moment(at) {
  const then = new Date(at);
  const today = then.toDateString() === new Date(now()).toDateString();
  return today ? clock.format(then) : `${day.format(then)}, ${clock.format(then)}`;
}

export const timeOfDay = (/** @type {string} */ at) => clock.format(new Date(at));
export const wholeMoment = (/** @type {string} */ at) => whole.format(new Date(at));

/** How far the server's clock is ahead of the reader's, in ms. */
let ahead = 0;

/** @param {string} serverTime */
export function setClock(serverTime) {
  ahead = Date.parse(serverTime) - Date.now();
}

/** The server's time in ms since 1970. */
export const now = () => Date.now() + ahead;

/** "4 min ago". @param {string} at */
export function ago(at) {
  const seconds = Math.max(0, (now() - Date.parse(at)) / 1000);
  return seconds < 2 ? "just now" : `${duration(seconds)} ago`;
}

/** @param {number} seconds */
export function duration(seconds) {
  if (seconds < 1) return milliseconds(seconds * 1000);
  if (seconds < 90) return `${Math.round(seconds)} s`;
  if (seconds < 90 * 60) return `${Math.round(seconds / 60)} min`;
  if (seconds < 36 * 3600) return `${Math.round(seconds / 3600)} h`;
  return `${Math.round(seconds / 86400)} days`;
}
