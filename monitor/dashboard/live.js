// The state of the server, kept up to date by its events.

const KEYS = ["health", "performance", "window", "alerts", "models", "predictions"];
const HISTORY = 240;
const [FIRST_RETRY, LAST_RETRY] = [1_000, 5_000];
const SILENCE = 12_000; // ms; the server says something every five seconds, be it that there is nothing new

/**
 * Follow the server for as long as the page is open. Changes between two frames are told together, and none while
 * the page cannot be seen; the browser reconnects by itself unless the server refuses, and then this does, as it does
 * where a connection stands and nothing comes: a server that hangs, a network that has gone, a laptop that has slept.
 * @param {(state: object, changed: Set<string>) => void} tell called with the whole state and the keys that changed
 * @param {(connected: boolean) => void} connection called whenever the connection comes or goes
 */
export function follow(tell, connection) {
  /** @type {object|null} */
  let state = null;
  let changed = new Set();
  let retry = FIRST_RETRY;
  /** @type {EventSource|null} */
  let source = null;
  let heard = 0;

  const change = (...keys) => {
    if (!changed.size) requestAnimationFrame(flush);
    keys.forEach((key) => changed.add(key));
  };
  const flush = () => {
    const told = changed;
    changed = new Set();
    tell(state, told);
  };

  const connect = () => {
    source?.close();
    source = new EventSource("/api/events");
    heard = Date.now();
    const hear = (name, take) =>
      source.addEventListener(name, ({ data }) => {
        heard = Date.now();
        take(JSON.parse(data));
      });
    source.onopen = () => {
      retry = FIRST_RETRY;
      connection(true);
    };
    source.onerror = () => {
      connection(false);
      if (source.readyState !== EventSource.CLOSED) return;
      setTimeout(connect, retry);
      retry = Math.min(LAST_RETRY, 2 * retry);
    };
    hear("alive", () => {});
    hear("state", (all) => {
      state = all;
      change(...Object.keys(state));
    });
    for (const key of KEYS) {
      hear(key, (part) => {
        state[key] = part;
        change(key);
      });
    }
    hear("moment", (moment) => {
      state.history = [...state.history, moment].slice(-HISTORY);
      change("history");
    });
  };
  connect();
  setInterval(() => {
    if (Date.now() - heard < SILENCE) return;
    connection(false);
    connect();
  }, 1_000);
}
