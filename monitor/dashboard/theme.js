// Loaded before the first paint: a theme that was chosen must not flash in afterwards.
{
  const KEPT = "driftline theme";
  const root = document.documentElement;
  const isDark = () =>
    (root.dataset.theme ?? (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light")) === "dark";
  let memory = null;
  try {
    memory = localStorage;
  } catch {
    // this browser lets no page remember anything
  }
  const kept = memory?.getItem(KEPT);
  if (kept) root.dataset.theme = kept;

  addEventListener("DOMContentLoaded", () => {
    const toggle = document.getElementById("theme");
    const said = () => toggle.setAttribute("aria-pressed", String(isDark()));
    said();
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", said);
    toggle.addEventListener("click", () => {
      root.dataset.theme = isDark() ? "light" : "dark";
      memory?.setItem(KEPT, root.dataset.theme);
      said();
    });
  });
}
