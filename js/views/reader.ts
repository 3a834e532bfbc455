/** The reader: one whole sample, as text. */

import { count } from "../core/amounts";
import { display, wholeLines } from "../core/text";
import { button } from "./controls";
import { fill, h, uniqueId } from "./dom";
import type { Host, View } from "./host";
import { describe, type RowState } from "./table_row";
import { Trouble } from "./trouble";

/** A sample's texts, whole. */
export interface SampleText {
  prompt: string;
  response: string;
}

export interface ReaderProps {
  /** The row of the store to read, or null for none. */
  row: number | null;
  title: string;
  facts: readonly { name: string; value: string }[];
  state: RowState;
  /** Asked when the row is another than before; null where the store holds no text. */
  text: (() => Promise<SampleText>) | null;
}

export interface ReaderHandlers {
  /** Toggle the row; `exclude` likewise. */
  pin(row: number): void;
  exclude(row: number): void;
  previous(): void;
  next(): void;
}

/** Characters shown at first, and more with each press: a page must not hang on a row of a megabyte. */
const FIRST = 20_000;
const MORE = 100_000;

export class Reader implements View {
  readonly element: HTMLElement;
  #row: number | null = null;
  #text: ReaderProps["text"] | null = null;
  #asked = 0;
  #factsShown = "";
  #title = h("h3", { class: "nait-sample", dir: "auto" });
  #facts = h("dl", { class: "nait-reader-facts" });
  #pin: HTMLButtonElement;
  #exclude: HTMLButtonElement;
  #again: HTMLButtonElement;
  #trouble = new Trouble();
  #prompt: LongText;
  #response: LongText;
  #texts: HTMLElement;
  #open: HTMLElement;
  #textless = h("p", { class: "nait-muted", hidden: true }, "The store holds no text.");
  #empty = h("p", { class: "nait-muted" }, "Open a row of the table to read it whole.");

  constructor(
    private readonly host: Host,
    handlers: ReaderHandlers,
  ) {
    const onRow = (act: (row: number) => void) => (): void => {
      if (this.#row !== null) act(this.#row);
    };
    this.#prompt = new LongText("Prompt");
    this.#response = new LongText("Response");
    this.#texts = h("div", { class: "nait-reader-texts" }, this.#prompt.element, this.#response.element);
    this.#pin = button("▲ Pin", null, onRow(handlers.pin));
    this.#exclude = button("✕ Exclude", null, onRow(handlers.exclude));
    this.#again = button("Try again", null, () => void this.#ask());
    const acts = h(
      "span",
      { class: "nait-reader-acts" },
      button("↑ Previous", null, handlers.previous),
      button("↓ Next", null, handlers.next),
      this.#pin,
      this.#exclude,
    );
    const header = h("header", {}, this.#title, acts);
    this.#open = h(
      "div",
      { hidden: true },
      header,
      this.#facts,
      this.#trouble.element,
      this.#again,
      this.#textless,
      this.#texts,
    );
    this.element = h(
      "section",
      // JupyterLab's own shortcuts would act on the cell.
      { class: "nait-panel nait-reader", "aria-label": "Sample", "data-lm-suppress-shortcuts": "true" },
      this.#empty,
      this.#open,
    );
  }

  update({ row, title, facts, state, text }: ReaderProps): void {
    this.#open.hidden = row === null;
    this.#empty.hidden = row !== null;
    this.#title.textContent = display(title, 200).text;
    this.#showFacts(facts, describe(state));
    this.#pin.setAttribute("aria-pressed", String(state.pinned));
    this.#exclude.setAttribute("aria-pressed", String(state.excluded));
    this.#pin.disabled = this.#exclude.disabled = state.quarantined !== null;
    if (row === this.#row) return;
    this.#row = row;
    this.#text = text;
    void this.#ask();
  }

  #showFacts(facts: ReaderProps["facts"], words: string): void {
    const all = words === "" ? facts : [...facts, { name: "state", value: words }];
    const shown = JSON.stringify(all);
    if (shown === this.#factsShown) return; // a person may be copying one
    this.#factsShown = shown;
    const fact = (value: string): HTMLElement => h("dd", { dir: "auto" }, display(value, 200).text);
    fill(this.#facts, ...all.map(({ name, value }) => h("div", {}, h("dt", {}, name), fact(value))));
  }

  async #ask(): Promise<void> {
    this.#asked += 1;
    const asked = this.#asked;
    const stale = (): boolean => asked !== this.#asked || this.host.signal.aborted;
    this.#trouble.clear();
    this.#again.hidden = true;
    this.#texts.hidden = this.#text === null;
    this.#textless.hidden = this.#text !== null;
    if (this.#row === null || this.#text === null) return;
    // The pane keeps its height meanwhile, so that nothing jumps from row to row.
    this.#texts.style.minHeight = `${this.#texts.offsetHeight}px`;
    this.#texts.setAttribute("aria-busy", "true");
    this.#prompt.show(null);
    this.#response.show(null);
    try {
      const { prompt, response } = await this.#text();
      if (stale()) return;
      this.#prompt.show(prompt);
      this.#response.show(response);
    } catch (error) {
      if (stale()) return;
      this.#trouble.show(error);
      this.#again.hidden = false;
      this.#texts.hidden = true;
    }
    this.#texts.style.minHeight = "";
    this.#texts.removeAttribute("aria-busy");
  }
}

/** A text with a heading, in a box of its own, of which as much is shown as was asked for. */
export class LongText {
  readonly element: HTMLElement;
  #text = "";
  #shown = 0;
  #count = h("span", { class: "nait-muted" });
  #box: HTMLElement;
  #more: HTMLButtonElement;

  constructor(title: string) {
    const id = uniqueId("text");
    this.#more = button("", null, () => {
      this.#append(MORE);
      if (this.#more.hidden) this.#box.focus();
    });
    this.#box = h("div", {
      class: "nait-sample nait-text nait-reader-text",
      dir: "auto",
      tabindex: 0,
      role: "region",
      "aria-labelledby": id,
    });
    this.element = h(
      "div",
      { class: "nait-reader-part" },
      h("h4", { id }, title, " ", this.#count),
      this.#box,
      this.#more,
    );
  }

  /** Show another text from its beginning, or that it is on its way. */
  show(text: string | null): void {
    this.#text = text ?? "";
    this.#shown = 0;
    this.#count.textContent = text === null ? "…" : `${count(text.length)} characters`;
    fill(this.#box);
    this.#append(FIRST);
  }

  // A block of its own for each piece: what is there already needn't be laid out again.
  #append(limit: number): void {
    const rest = this.#text.slice(this.#shown);
    const { text, cut } = display(rest, wholeLines(rest, limit));
    this.#box.append(h("div", {}, cut > 0 ? text.replace(/\n$/, "") : text));
    this.#shown = this.#text.length - cut;
    this.#more.hidden = cut === 0;
    this.#more.textContent = `Show the next ${count(Math.min(cut, MORE))} of ${count(cut)} characters`;
  }
}
