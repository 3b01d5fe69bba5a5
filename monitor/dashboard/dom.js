// Making elements, and bringing what is on the page in line with what it should be.

/**
 * An element. Properties are attributes (`class`, `href`, `aria-…`, `data-…`); null and false leave one out.
 * Children are elements, texts, numbers, lists of these, or null.
 * @param {string} tag
 * @param {Object<string, unknown>} [attributes]
 * @param {...unknown} children
 * @returns {HTMLElement}
 */
export function h(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes ?? {})) {
    if (value !== null && value !== undefined && value !== false)
      element.setAttribute(name, value === true ? "" : String(value));
  }
  element.append(
    ...children
      .flat(Infinity)
      .filter((child) => child !== null && child !== undefined && child !== false)
      .map(asNode),
  );
  return element;
}

const asNode = (child) => (child instanceof Node ? child : String(child));

/**
 * A picture of icons.svg; it says nothing to a screen reader, so the word stands beside it.
 * @param {string} name
 */
export function icon(name) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("class", "icon");
  svg.setAttribute("aria-hidden", "true");
  const use = document.createElementNS("http://www.w3.org/2000/svg", "use");
  use.setAttribute("href", `/assets/icons.svg#${name}`);
  svg.append(use);
  return svg;
}

/**
 * Give a container these children, keeping the elements that are there already: focus, scrolling, opened
 * details and a text that is being selected outlive the update. Elements with `data-key` are recognised by it,
 * others by their place. Charts draw themselves (charts.js) and are left alone, as is what has `data-kept`.
 * @param {Element} container
 * @param {...unknown} children
 */
export function show(container, ...children) {
  alignChildren(container, h("div", {}, ...children));
}

function alignChildren(old, wanted) {
  const keyed = new Map(
    [...old.children].filter((child) => child.dataset?.key).map((child) => [child.dataset.key, child]),
  );
  let here = old.firstChild;
  for (const next of [...wanted.childNodes]) {
    const key = next.dataset?.key;
    const match = key ? keyed.get(key) : here?.dataset?.key ? null : here;
    if (match && isAlike(match, next)) {
      if (match !== here) old.insertBefore(match, here);
      align(match, next);
      here = match.nextSibling;
    } else {
      old.insertBefore(next, here);
    }
  }
  while (here) {
    const after = here.nextSibling;
    here.remove();
    here = after;
  }
}

const isAlike = (one, other) => one.nodeType === other.nodeType && one.nodeName === other.nodeName;

function align(old, wanted) {
  if (old.nodeType === Node.TEXT_NODE) {
    if (old.data !== wanted.data) old.data = wanted.data;
    return;
  }
  if (old.hasAttribute("data-kept")) return;
  for (const { name } of [...old.attributes]) {
    // What the reader has opened stays open.
    if (!wanted.hasAttribute(name) && !(name === "open" && old.nodeName === "DETAILS")) old.removeAttribute(name);
  }
  for (const { name, value } of wanted.attributes) {
    if (old.getAttribute(name) !== value) old.setAttribute(name, value);
  }
  if (wanted.drawing) old.drawing = wanted.drawing;
  else alignChildren(old, wanted);
}
