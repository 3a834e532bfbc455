/** Where a store came from, in words. */

import { count } from "../../core/amounts";
import { display } from "../../core/text";
import type { Store } from "../../store/store";
import { h } from "../../views/dom";

/** One line: how many rows of what, which neurons of which model. */
export function about({ about: { layout, complete, model, source } }: Store): string {
  const { site, layers, nNeurons, nSamples, text } = layout;
  const short = (name: string): string => display(name, 80).text;
  const parts = [
    `${count(nSamples)} rows of ${short(source)}`,
    `${site} of ${short(model)}, ${layers.length} layers × ${count(nNeurons)} neurons`,
    complete ? "complete" : "capturing",
    ...(text ? [] : ["without text"]),
  ];
  return parts.join(" · ");
}

/** Everything that a store says of its origin, folded away. */
export function provenance({ about: { provenance: origin, formatVersion } }: Store): HTMLElement {
  const facts = [...flat(origin, ""), ["format version", String(formatVersion)] as const];
  return h(
    "details",
    { class: "nait-store-provenance" },
    h("summary", {}, "Where it came from"),
    h(
      "dl",
      {},
      ...facts
        .slice(0, MOST_FACTS)
        .map(([name, value]) =>
          h("div", {}, h("dt", {}, display(name, 80).text), h("dd", { dir: "auto" }, display(value, 400).text)),
        ),
    ),
  );
}

const MOST_FACTS = 200;
const DEEPEST = 6;

type Fact = readonly [name: string, value: string];

/** What a stranger's JSON says, a line each. */
function flat(value: unknown, name: string, depth = 0): Fact[] {
  if (value === null || typeof value !== "object") return [[name, String(value)]];
  if (depth === DEEPEST) return [[name, "…"]];
  if (Array.isArray(value) && value.every((each) => typeof each !== "object")) return [[name, value.join(", ")]];
  return Object.entries(value)
    .slice(0, MOST_FACTS)
    .flatMap(([key, each]) => flat(each, name === "" ? key : `${name} · ${key}`.replaceAll("_", " "), depth + 1));
}
