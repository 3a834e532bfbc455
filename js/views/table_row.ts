/** One row of the table: an element used again for whichever row is in view. */

import type { Known } from "../core/pages";
import { oneLine } from "../core/text";
import { h } from "./dom";

/** Texts of a row, shortened by whoever holds them. */
export interface RowText {
  id: string;
  prompt: string;
  response: string;
}

/** A column; `rank`, `score`, `tokens` and `label` are known at once, the others come with the row's text. */
export interface Column {
  key: "rank" | "id" | "score" | "tokens" | "label" | "prompt" | "response";
  title: string;
  sortable: boolean;
  /** What it is sorted by, where that isn't what it shows. */
  sortedBy?: string;
}

/** What is decided about a row. */
export interface RowState {
  chosen: boolean;
  /** Inside the filters. */
  shown: boolean;
  pinned: boolean;
  excluded: boolean;
  /** Why the row can't be chosen, or null. */
  quarantined: string | null;
}

/** Stands for a row while nothing is known of it, not even which it is. */
export const UNKNOWN = -1;

/** What is known of rows at once. */
export interface RowFacts {
  cell(row: number, key: "rank" | "score" | "tokens" | "label"): string;
  state(row: number): RowState;
  /** Another number whenever `cell` or `state` would answer differently. */
  version: number;
}

const LONGEST = 300;

const WAITING = "…";
const BLANK = "⟨blank⟩";

/** The words of a row's state, for those who don't see its marks. */
export function describe({ chosen, shown, pinned, excluded, quarantined }: RowState): string {
  const words = [
    chosen && "chosen",
    !shown && "outside the filters",
    pinned && "pinned",
    excluded && "excluded",
    quarantined !== null && `quarantined: ${quarantined}`,
  ];
  return words.filter(Boolean).join(", ");
}

/** A row's element and its cells. */
export class TableRow {
  readonly element: HTMLElement;
  /** Position in the table; -1 while out of view. */
  position = -1;
  /** Number in the store. */
  row = -1;

  #cells: [Column["key"], HTMLElement][];
  #mark = h("span", { "aria-hidden": "true" });
  #words = h("span", { class: "nait-table-words" });
  #reason = h("span", { class: "nait-table-reason" });
  #pin = toggle("pin", "▲", "pinned", "Pin");
  #exclude = toggle("exclude", "✕", "excluded", "Exclude");
  #texts = new Map<Element, string>();
  #shown: unknown[] = [];

  constructor(id: string, columns: readonly Column[]) {
    this.#cells = columns.map(({ key }) => [key, h("span", { dir: "auto", class: "nait-sample" })]);
    this.element = h(
      "div",
      { id, role: "row", class: "nait-table-row" },
      cell("mark", this.#mark, this.#words),
      ...this.#cells.map(([key, content]) => cell(key, key === "prompt" && this.#reason, content)),
      cell("actions", this.#pin, this.#exclude),
    );
  }

  /** Go to a place of the view, `y` pixels below its upper edge. */
  place(position: number, y: number): void {
    if (position !== this.position) this.element.setAttribute("aria-rowindex", String(position + 2));
    this.position = position;
    this.element.style.transform = `translateY(${y}px)`;
    this.element.hidden = false;
  }

  /** Show a row; only what differs from before is written to the page. */
  show(row: number, facts: RowFacts, text: Known<RowText>, current: boolean, selected: boolean): void {
    const shown = [row, facts.version, text, current, selected];
    if (shown.every((value, i) => value === this.#shown[i])) return;
    this.#shown = shown;
    this.row = row;
    const state = facts.state(row);
    const { classList } = this.element;
    classList.toggle("nait-current", current);
    classList.toggle("nait-greyed", !state.shown);
    classList.toggle("nait-excluded", state.excluded);
    this.element.setAttribute("aria-selected", String(selected));
    this.#write(this.#mark, state.quarantined !== null ? "!" : state.chosen ? "●" : state.shown ? "" : "–");
    this.#write(this.#words, describe(state));
    this.#write(this.#reason, state.quarantined === null ? "" : `quarantined: ${oneLine(state.quarantined, LONGEST)}`);
    for (const [key, element] of this.#cells) {
      this.#write(element, isText(key) ? textOf(text, key) : oneLine(facts.cell(row, key), LONGEST));
      if (key === "prompt") element.classList.toggle("nait-table-failure", text !== undefined && "failure" in text);
    }
    for (const [button, pressed] of [
      [this.#pin, state.pinned],
      [this.#exclude, state.excluded],
    ] as const) {
      button.setAttribute("aria-pressed", String(pressed));
      button.hidden = state.quarantined !== null || row === UNKNOWN;
    }
  }

  /** Out of view. */
  rest(): void {
    this.position = -1;
    this.element.hidden = true;
  }

  #write(element: Element, text: string): void {
    if (this.#texts.get(element) === text) return;
    this.#texts.set(element, text);
    element.textContent = text;
  }
}

function cell(name: string, ...children: (Node | false)[]): HTMLElement {
  return h("div", { role: "gridcell", class: `nait-table-cell nait-table-${name}` }, ...children);
}

// Out of the tab order: the table's own keys do the same for the current row.
function toggle(act: string, glyph: string, word: string, label: string): HTMLButtonElement {
  return h(
    "button",
    { type: "button", class: "nait-quiet", tabindex: -1, "aria-label": label, title: label, dataset: { act } },
    h("span", { "aria-hidden": "true" }, glyph),
    h("span", { "aria-hidden": "true", class: "nait-table-word" }, word),
  );
}

function isText(key: Column["key"]): key is keyof RowText {
  return key === "id" || key === "prompt" || key === "response";
}

function textOf(text: Known<RowText>, key: keyof RowText): string {
  if (text === undefined) return WAITING;
  if ("value" in text) return oneLine(text.value[key], LONGEST) || BLANK;
  return key === "prompt" ? text.failure : "";
}
