// Asking before something is changed: what will happen, and a token that says that one may.

import { h } from "./dom.js";

const KEPT = "driftline token";
const WRONG = "This token is not the right one.";
const SENDABLE = /^[\x20-\xff]*$/; // in a header
const memory = remembering();

/**
 * Ask in a dialog, then send; what comes of it is told by the server's next event. The token is asked for once and kept
 * until the tab is closed.
 * @param {{title: string, consequence: string, verb: string, url: string, body?: object}} about
 */
export function confirm({ title, consequence, verb, url, body = {} }) {
  const fault = h("p", { class: "fault", role: "alert" });
  const token = h("input", {
    id: "token",
    name: "token",
    type: "password",
    autocomplete: "off",
    required: true,
    spellcheck: "false",
  });
  const field = h(
    "p",
    { class: "field" },
    h("label", { for: "token" }, "Token"),
    token,
    h(
      "span",
      { class: "muted" },
      "It is what ",
      h("code", {}, "DRIFTLINE_DASHBOARD_TOKEN"),
      " says, or in the file ",
      h("code", {}, "dashboard-token"),
      " of its home.",
    ),
  );
  const send = h("button", { type: "submit", class: "primary" }, verb);
  const cancel = h("button", { type: "button" }, "Cancel");
  const dialog = h(
    "dialog",
    { "aria-labelledby": "asked" },
    h(
      "form",
      { method: "dialog" },
      h("h2", { id: "asked" }, title),
      h("p", {}, consequence),
      field,
      fault,
      h("p", { class: "choices" }, cancel, send),
    ),
  );
  const kept = memory?.getItem(KEPT);
  if (kept) token.value = kept;
  field.hidden = Boolean(kept);

  cancel.addEventListener("click", () => dialog.close());
  dialog.addEventListener("close", () => dialog.remove());
  dialog.querySelector("form").addEventListener("submit", async (event) => {
    event.preventDefault();
    send.disabled = true;
    send.textContent = "Working …"; // a rollback takes some seconds
    fault.textContent = "";
    try {
      if (!SENDABLE.test(token.value)) throw new Refused(401, WRONG);
      await post(url, body, token.value);
      memory?.setItem(KEPT, token.value);
      dialog.close();
    } catch (refused) {
      fault.textContent = refused.message;
      if (refused.status === 401) {
        memory?.removeItem(KEPT);
        field.hidden = false;
        token.focus();
      }
    } finally {
      send.disabled = false;
      send.textContent = verb;
    }
  });
  document.body.append(dialog);
  dialog.showModal();
  (kept ? cancel : token).focus();
}

/** What the tab remembers; null where the browser lets no page do so. */
function remembering() {
  try {
    return sessionStorage;
  } catch {
    return null;
  }
}

class Refused extends Error {
  constructor(status, detail) {
    super(detail);
    this.status = status;
  }
}

async function post(url, body, token) {
  const headers = { "Content-Type": "application/json", Authorization: `Bearer ${token}` };
  let response;
  try {
    response = await fetch(url, { method: "POST", headers, body: JSON.stringify(body) });
  } catch {
    throw new Refused(0, "The dashboard does not answer. See whether it was done before you try again.");
  }
  if (response.ok) return;
  if (response.status === 401) throw new Refused(401, WRONG);
  const { detail = response.statusText } = await response.json().catch(() => ({}));
  // Of what was begun and failed, the server's words say how far it came.
  throw new Refused(response.status, response.status < 500 ? `Nothing was changed: ${detail}.` : `${detail}.`);
}
