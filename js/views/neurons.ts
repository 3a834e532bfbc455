/** The neurons that matter most to a sample, one a line. */

import { amount, count, percent, signed } from "../core/amounts";
import { oneLine } from "../core/text";
import { fill, h } from "./dom";
import type { View } from "./host";

export interface NeuronTerm {
  layer: number;
  neuron: number;
  activation: number;
  /** What it adds to the score; null where there is none. */
  contribution: number | null;
}

export interface NeuronsProps {
  neurons: readonly NeuronTerm[];
  /** Share of the pool's rows whose value is below, of each; null while it is measured, undefined where nobody can. */
  percentiles: ArrayLike<number> | null | undefined;
  /** On how many rows that was measured. */
  measured: number | null;
  /** Tokens that each makes likelier; null while they are looked up, undefined where nobody can tell. */
  promoted?: readonly (readonly string[])[] | null;
}

export class Neurons implements View {
  readonly element = h("div", { class: "nait-neurons" });

  update(props: NeuronsProps): void {
    const { neurons, percentiles, measured, promoted } = props;
    const scored = neurons.some(({ contribution }) => contribution !== null);
    const most = Math.max(...neurons.map(({ contribution }) => Math.abs(contribution ?? 0)));
    const standing =
      measured === null ? "Share of the pool below" : `Share of ${count(measured)} rows of the pool below`;
    const heads = [
      number("Layer"),
      number("Neuron"),
      number("Value"),
      scored && number("Adds"),
      scored && h("th", { class: "nait-neurons-bar", "aria-hidden": "true" }),
      percentiles !== undefined && number("Percentile", standing),
      promoted !== undefined &&
        h(
          "th",
          { scope: "col", title: "Tokens that a positive value makes likelier, and a negative one less likely" },
          "Promotes",
        ),
    ];
    const rows = neurons.map(({ layer, neuron, activation, contribution }, i) =>
      h(
        "tr",
        {},
        h("td", {}, layer),
        h("td", {}, neuron),
        h("td", {}, amount(activation)),
        scored && h("td", {}, signed(contribution ?? NaN)),
        scored && h("td", { class: "nait-neurons-bar", "aria-hidden": "true" }, bar(contribution ?? 0, most)),
        percentiles !== undefined && h("td", {}, percentiles === null ? "…" : percent(percentiles[i] ?? NaN)),
        promoted !== undefined && h("td", { class: "nait-neurons-tokens" }, ...tokens(promoted?.[i])),
      ),
    );
    fill(
      this.element,
      h("table", { "aria-label": "Neurons" }, h("thead", {}, h("tr", {}, ...heads)), h("tbody", {}, ...rows)),
    );
  }
}

function number(name: string, title?: string): HTMLElement {
  return h("th", { scope: "col", class: "nait-neurons-number", title }, name);
}

/** To the right of the middle where it adds, to the left where it takes off. */
function bar(contribution: number, most: number): HTMLElement {
  const share = most > 0 ? Math.abs(contribution) / most : 0;
  const side = contribution < 0 ? "negative" : "positive";
  return h("div", { class: `nait-neurons-${side}`, style: `--share: ${share.toFixed(3)}` });
}

function tokens(promoted: readonly string[] | undefined): (HTMLElement | string)[] {
  if (promoted === undefined) return ["…"];
  return promoted.flatMap((token) => [h("bdi", { class: "nait-neurons-token" }, oneLine(token, 24) || "␣"), " "]);
}
