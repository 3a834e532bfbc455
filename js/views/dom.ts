/** Making elements. Text only ever becomes text nodes: there is no way here to write HTML. */

type Child = Node | string | number | null | undefined | false;

type Listeners = { [K in keyof HTMLElementEventMap]?: (event: HTMLElementEventMap[K]) => void };

/** What an element is given: attributes and properties by name, `class`, `on` and `dataset`. */
export type Props = Record<string, unknown> & { class?: string; on?: Listeners; dataset?: Record<string, string> };

const SVG = "http://www.w3.org/2000/svg";

/** An HTML element. `false`, `null` and `undefined` properties are left out. */
export function h<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  props: Props = {},
  ...children: Child[]
): HTMLElementTagNameMap[K] {
  return furnish(document.createElement(tag), props, children);
}

/** An SVG element. */
export function s<K extends keyof SVGElementTagNameMap>(
  tag: K,
  props: Props = {},
  ...children: Child[]
): SVGElementTagNameMap[K] {
  return furnish(document.createElementNS(SVG, tag), props, children);
}

function furnish<E extends Element & ElementCSSInlineStyle>(element: E, props: Props, children: Child[]): E {
  const { on, dataset, ...attributes } = props;
  for (const [name, value] of Object.entries(attributes)) {
    if (value === false || value === null || value === undefined) continue;
    // These live as properties: their attributes are only the first value.
    if (name === "value" || name === "checked" || name === "selected") Object.assign(element, { [name]: value });
    else element.setAttribute(name, value === true ? "" : String(value));
  }
  for (const [name, value] of Object.entries(dataset ?? {})) element.setAttribute(`data-${name}`, value);
  for (const [name, listener] of Object.entries(on ?? {})) element.addEventListener(name, listener as EventListener);
  append(element, children);
  return element;
}

/** Replace everything in an element. */
export function fill(element: Element, ...children: Child[]): void {
  element.replaceChildren();
  append(element, children);
}

function append(element: Element, children: Child[]): void {
  for (const child of children) {
    if (child === false || child === null || child === undefined) continue;
    element.append(typeof child === "number" ? String(child) : child);
  }
}

let lastId = 0;

/** An id that no other element of the page has, for `for` and `aria-*`. */
export function uniqueId(name: string): string {
  lastId += 1;
  return `nait-${name}-${lastId}`;
}
