// The state of the server, kept up to date by its events.

const KEYS = ["health", "performance", "window", "alerts", "models", "predictions"];
const HISTORY = 240;
const [FIRST_RETRY, LAST_RETRY] = [1_000, 5_000];

/**
 * Follow the server for as long as the page is open. Changes between two frames are told together, and none while
 * the page cannot be seen; the browser reconnects by itself unless the server refuses, and then this does.
 * @param {(state: object, changed: Set<string>) => void} tell called with the whole state and the keys that changed
 * @param {(connected: boolean) => void} connection called whenever the connection comes or goes
 */
export function follow(tell, connection) {
  /** @type {object|null} */
  let state = null;
  let changed = new Set();
  let retry = FIRST_RETRY;

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
    const source = new EventSource("/api/events");
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
    source.addEventListener("state", ({ data }) => {
      state = JSON.parse(data);
      change(...Object.keys(state));
    });
    for (const key of KEYS) {
      source.addEventListener(key, ({ data }) => {
        state[key] = JSON.parse(data);
        change(key);
      });
    }
    source.addEventListener("moment", ({ data }) => {
      state.history = [...state.history, JSON.parse(data)].slice(-HISTORY);
      change("history");
    });
  };
  connect();
}
