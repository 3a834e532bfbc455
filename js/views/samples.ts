/** A short list of samples: each on two lines, and whole when it is pointed at. */

import { amount } from "../core/amounts";
import { display, oneLine } from "../core/text";
import { h } from "./dom";

export interface ListedSample {
  id: string;
  text: string;
  /** The sets that it is in. */
  sets: readonly string[];
  /** What it is listed for. */
  value: number | null;
}

const LINE = 200;
const WHOLE = 600;

export function sampleList(label: string, samples: readonly ListedSample[]): HTMLElement {
  return h("ol", { class: "nait-samples", "aria-label": label }, ...samples.map(item));
}

function item({ id, text, sets, value }: ListedSample): HTMLElement {
  return h(
    "li",
    {},
    h(
      "div",
      { class: "nait-samples-about" },
      value !== null && h("strong", {}, amount(value)),
      h("span", { class: "nait-sample", dir: "auto" }, oneLine(id, 60)),
      sets.length > 0 && h("span", { class: "nait-muted" }, "in ", ...sets.flatMap(isolated)),
    ),
    h(
      "div",
      { class: "nait-sample nait-samples-text", dir: "auto", title: display(text, WHOLE).text },
      oneLine(text, LINE),
    ),
  );
}

function isolated(name: string, i: number): (string | HTMLElement)[] {
  return [i > 0 ? ", " : "", h("bdi", {}, name)];
}
