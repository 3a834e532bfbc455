/** What the colours and marks of the map mean. */

import { amount, count } from "../core/amounts";
import { MOST_MARKS, type Tally } from "../core/paint";
import { css, labelColour, scoreColour, type Inks } from "../core/palette";
import { oneLine } from "../core/text";
import { fill, h } from "./dom";
import type { View } from "./host";

/** What the colours stand for. */
export type Meaning =
  | { readonly by: "selection" }
  | { readonly by: "score"; readonly label: string; readonly low: number; readonly high: number }
  | { readonly by: "label"; readonly label: string; readonly names: readonly string[] };

const STOPS = 9;
const LONGEST = 80; // characters of a name

export class Legend implements View {
  readonly element: HTMLElement;
  readonly #meaning = h("span", { class: "nait-scatter-entries" });
  readonly #counts = h("span", { class: "nait-scatter-entries" });
  #by: Meaning["by"] = "selection";
  #text = "";

  constructor() {
    this.element = h("div", { class: "nait-scatter-legend" }, this.#meaning, this.#counts);
  }

  /** Say what the colours stand for. */
  explain(meaning: Meaning, inks: Inks): void {
    this.#by = meaning.by;
    this.#text = "";
    if (meaning.by === "selection") fill(this.#meaning);
    else if (meaning.by === "label") {
      const entries = meaning.names.map((name, i) => entry(css(labelColour(inks, i)), name));
      fill(this.#meaning, foreign(meaning.label, "nait-muted"), ...entries);
    } else fill(this.#meaning, foreign(meaning.label, "nait-muted"), ...ramp(meaning, inks));
  }

  /** Say how many rows of each kind are in view. */
  count(tally: Tally, zoomed: boolean): void {
    const text = [tally.chosen, tally.shown, tally.greyed, tally.pinned, tally.excluded, zoomed].join();
    if (text === this.#text) return;
    this.#text = text;
    const own = this.#by === "selection";
    const unmarked = tally.marks.length < MOST_MARKS ? "" : " (too many to mark)";
    fill(
      this.#counts,
      entry(own ? "var(--nait-chosen)" : null, `${own ? "" : "full colour: "}chosen ${count(tally.chosen)}`),
      entry(own ? "var(--nait-shown)" : null, `${own ? "" : "faint: "}not chosen ${count(tally.shown)}`),
      tally.greyed > 0 && entry("var(--nait-greyed)", `filtered out ${count(tally.greyed)}`),
      tally.pinned > 0 && entry(null, `◇ pinned ${count(tally.pinned)}${unmarked}`),
      tally.excluded > 0 && entry(null, `× excluded ${count(tally.excluded)}${unmarked}`),
      zoomed && h("span", { class: "nait-muted" }, "in this part of the map"),
    );
  }
}

function entry(colour: string | null, name: string): HTMLElement {
  const swatch = h("span", { class: "nait-scatter-swatch", "aria-hidden": "true" });
  if (colour !== null) swatch.style.background = colour;
  return h("span", { class: "nait-scatter-entry" }, colour !== null && swatch, foreign(name));
}

function ramp({ low, high }: { low: number; high: number }, inks: Inks): HTMLElement[] {
  const bar = h("span", { class: "nait-scatter-ramp", "aria-hidden": "true" });
  const stops = Array.from({ length: STOPS }, (_, i) => css(scoreColour(inks, i / (STOPS - 1))));
  bar.style.background = `linear-gradient(to right, ${stops.join(", ")})`;
  return [h("span", { class: "nait-scatter-entry" }, `≤ ${amount(low)}`, bar, `≥ ${amount(high)}`)];
}

/** Text of the data's: it stays in its own writing direction. */
function foreign(text: string, look = ""): HTMLElement {
  return h("bdi", { class: look }, oneLine(text, LONGEST));
}
