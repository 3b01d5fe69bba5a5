// The Evidently report takes seconds to make: the link waits for it and says so.

/**
 * Follow a link to a report once it is made.
 * @param {MouseEvent} event a click on the link
 * @param {HTMLElement} line where to say what is going on
 */
export async function openReport(event, line) {
  if (event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  const link = event.target.closest("a");
  link.setAttribute("aria-busy", "true");
  try {
    line.textContent = "Making the report: some seconds the first time …";
    const response = await made(link.href);
    line.textContent = response.ok ? "" : ((await response.json().catch(() => ({}))).detail ?? response.statusText);
    if (response.ok) location.assign(link.href);
  } catch {
    line.textContent = "The dashboard does not answer; try again.";
  } finally {
    link.removeAttribute("aria-busy");
  }
}

/** Ask until the server no longer says that it is at it. */
async function made(url) {
  for (;;) {
    const response = await fetch(url);
    if (response.status !== 503) return response;
    const seconds = Number(response.headers.get("Retry-After")) || 2;
    await new Promise((resolve) => setTimeout(resolve, 1_000 * seconds));
  }
}
