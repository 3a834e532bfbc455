/** The sidebar's list: a tree of sections and what they hold, of which only the lines in view are elements. */

import { h } from "../../views/dom";
import { framed, type View } from "../../views/host";
import type { Description } from "./describing";
import type { Answer } from "./lazily";
import { isHeading, type Line, lineAt, type Section, topsOf } from "./lines";
import { Row } from "./row";

export interface TreeHandlers {
  /** What is known of a path. */
  known(path: string): Answer<Description>;
  /** The paths in view, from top to bottom. */
  wanted(paths: readonly string[]): void;
  open(path: string): void;
  remove(path: string): void;
  toggle(section: Section): void;
}

export class Tree implements View {
  readonly element = h("div", {
    role: "tree",
    class: "nait-sidebar-tree",
    "aria-label": "Activation stores, directions and selections",
  });
  #track = h("div", { role: "presentation", class: "nait-sidebar-track" });
  #lines: readonly Line[] = [];
  #tops = topsOf([]);
  #rows = new Map<string, Row>();
  /** The line that has the focus, or will have it. */
  #active = 0;
  #drawSoon: () => void;

  constructor(
    signal: AbortSignal,
    private readonly handlers: TreeHandlers,
  ) {
    this.element.append(this.#track);
    this.#drawSoon = framed(signal, () => this.#draw());
    const resized = new ResizeObserver(() => this.#drawSoon());
    resized.observe(this.element);
    signal.addEventListener("abort", () => resized.disconnect());
    this.element.addEventListener("scroll", () => this.#drawSoon(), { signal, passive: true });
    this.element.addEventListener("keydown", (event) => this.#pressed(event), { signal });
    this.element.addEventListener("focusin", (event) => this.#entered(event.target as Node), { signal });
    this.element.addEventListener("click", (event) => this.#clicked(event.target as Node), { signal });
    this.element.addEventListener("dblclick", (event) => this.#opened(event.target as Node), { signal });
  }

  show(lines: readonly Line[]): void {
    const active = this.#lines[this.#active]?.key;
    this.#lines = lines;
    this.#tops = topsOf(lines);
    this.#track.style.height = `${this.#tops.at(-1)!}px`;
    // The line that was active, wherever it is now; where it went, the one that took its place.
    const at = lines.findIndex(({ key }) => key === active);
    this.#active = at >= 0 ? at : Math.max(0, Math.min(this.#active, lines.length - 1));
    this.#drawSoon();
  }

  /** Something became known of what is shown. */
  update(): void {
    this.#drawSoon();
  }

  focus(): void {
    this.#rows.get(this.#lines[this.#active]?.key ?? "")?.element.focus();
  }

  #draw(): void {
    if (this.#lines.length === 0 || this.element.clientHeight === 0) return;
    const { scrollTop, clientHeight } = this.element;
    const [first, last] = [lineAt(this.#tops, scrollTop), lineAt(this.#tops, scrollTop + clientHeight - 1)];
    const shown = Array.from({ length: last - first + 1 }, (_, i) => first + i);
    // Nor does the active line ever go, lest the focus go with it.
    if (this.#active < first) shown.unshift(this.#active);
    if (this.#active > last) shown.push(this.#active);
    const hadFocus = this.element.contains(document.activeElement);
    this.#clear(new Set(shown.map((at) => this.#lines[at]!.key)));
    let next = this.#track.firstElementChild;
    for (const at of shown) {
      const { element } = this.#place(at);
      if (element === next) next = next.nextElementSibling;
      else this.#track.insertBefore(element, next);
    }
    if (hadFocus && !this.element.contains(document.activeElement)) this.focus();
    const items = this.#lines.slice(first, last + 1).filter((line) => !isHeading(line));
    this.handlers.wanted(items.map(({ key }) => key));
  }

  #clear(kept: ReadonlySet<string>): void {
    for (const [key, row] of this.#rows) {
      if (kept.has(key)) continue;
      row.element.remove();
      this.#rows.delete(key);
    }
  }

  #place(at: number): Row {
    const line = this.#lines[at]!;
    let row = this.#rows.get(line.key);
    if (row === undefined) {
      row = new Row(line.key, (near) => openMenu(near));
      this.#rows.set(line.key, row);
    }
    row.place(this.#tops[at]!, this.#tops[at + 1]! - this.#tops[at]!);
    row.show(line, isHeading(line) ? undefined : this.handlers.known(line.key));
    row.isActive = at === this.#active;
    return row;
  }

  // Acting on it

  #pressed(event: KeyboardEvent): void {
    if (event.ctrlKey || event.altKey || event.metaKey || event.target instanceof HTMLButtonElement) return;
    const line = this.#lines[this.#active];
    if (line === undefined) return;
    const to = this.#moved(event.key, line);
    if (to !== null) this.#goTo(to);
    else if (event.key === "Enter" && !isHeading(line)) this.handlers.open(line.key);
    else if (event.key === "Delete" && !isHeading(line)) this.handlers.remove(line.key);
    else if (isHeading(line) && toggles(event.key, line.isOpen)) this.handlers.toggle(line.key);
    else if (event.key === "F10" && event.shiftKey) openMenu(this.#rows.get(line.key)!.element);
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  /** Where a key leads. */
  #moved(key: string, line: Line): number | null {
    const page = Math.max(1, lineAt(this.#tops, this.element.clientHeight) - 1);
    switch (key) {
      case "ArrowUp":
        return this.#active - 1;
      case "ArrowDown":
        return this.#active + 1;
      case "PageUp":
        return this.#active - page;
      case "PageDown":
        return this.#active + page;
      case "Home":
        return 0;
      case "End":
        return this.#lines.length - 1;
      case "ArrowRight":
        return isHeading(line) && line.isOpen ? this.#active + 1 : null;
      case "ArrowLeft":
        return isHeading(line) ? null : this.#headingOf(this.#active);
      default:
        return null;
    }
  }

  #headingOf(at: number): number {
    while (!isHeading(this.#lines[at]!)) at -= 1;
    return at;
  }

  #goTo(at: number): void {
    this.#active = Math.max(0, Math.min(at, this.#lines.length - 1));
    const [top, bottom] = [this.#tops[this.#active]!, this.#tops[this.#active + 1]!];
    const { scrollTop, clientHeight } = this.element;
    this.element.scrollTop = Math.min(top, Math.max(scrollTop, bottom - clientHeight));
    this.#draw();
    this.#rows.get(this.#lines[this.#active]!.key)!.element.focus({ preventScroll: true });
  }

  /** The focus came in some other way than by our keys. */
  #entered(target: Node): void {
    const at = this.#lineOf(target);
    if (at < 0 || at === this.#active) return;
    this.#active = at;
    for (const [key, row] of this.#rows) row.isActive = key === this.#lines[at]!.key;
  }

  #clicked(target: Node): void {
    const line = this.#lines[this.#lineOf(target)];
    if (line !== undefined && isHeading(line)) this.handlers.toggle(line.key);
  }

  #opened(target: Node): void {
    const line = this.#lines[this.#lineOf(target)];
    if (line !== undefined && !isHeading(line)) this.handlers.open(line.key);
  }

  #lineOf(target: Node): number {
    const row = [...this.#rows.values()].find(({ element }) => element.contains(target));
    return row === undefined ? -1 : this.#lines.findIndex(({ key }) => key === row.key);
  }
}

function toggles(key: string, isOpen: boolean): boolean {
  return key === "Enter" || key === " " || key === (isOpen ? "ArrowLeft" : "ArrowRight");
}

/** Ask JupyterLab for the menu that a right click would give there. */
function openMenu(near: Element): void {
  const { left, bottom } = near.getBoundingClientRect();
  const event = { bubbles: true, cancelable: true, clientX: left + 4, clientY: bottom };
  near.dispatchEvent(new MouseEvent("contextmenu", event));
}
