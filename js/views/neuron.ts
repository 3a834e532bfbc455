/** One neuron: how its values lie over the pool and in each set, and the samples that fire it most. */

import { scaleLinear, scaleSqrt, type ScaleLinear } from "d3-scale";
import { amount, count, signed } from "../core/amounts";
import { fill, h, s } from "./dom";
import { onWidth, type Host, type View } from "./host";
import { clipped, widest } from "../core/labels";
import { sampleList, type ListedSample } from "./samples";

export interface NeuronProps {
  layer: number;
  neuron: number;
  /** Which pooled activation the values are. */
  pool: string;
  /** Borders of the histogram's bins, one more than there are counts. */
  edges: ArrayLike<number>;
  counts: ArrayLike<number>;
  /** The pool's values first, then each set's: the mean, and the percentiles 10 and 90. */
  spreads: readonly Spread[];
  /** What directions weigh the neuron by. */
  weights: readonly { name: string; weight: number }[];
  samples: readonly ListedSample[];
}

export interface Spread {
  name: string;
  rows: number;
  mean: number;
  low: number;
  high: number;
}

const TOP = 6;
const BARS = 80;
const AXIS = 20;
const ROW = 18;

export class Neuron implements View {
  readonly element: HTMLElement;
  readonly figure = s("svg", { role: "img" });
  readonly #weights = h("p", { class: "nait-neuron-weights" });
  readonly #samples = h("div");
  #props: NeuronProps | null = null;
  #width = 0;

  constructor(host: Host) {
    const plot = h("div", {}, this.figure);
    this.element = h("div", { class: "nait-neuron" }, plot, this.#weights, this.#samples);
    onWidth(plot, host.signal, (width) => {
      this.#width = width;
      this.#draw();
    });
  }

  update(props: NeuronProps): void {
    this.#props = props;
    this.#weights.hidden = props.weights.length === 0;
    fill(
      this.#weights,
      "Weight in a direction: ",
      ...props.weights.flatMap(({ name, weight }, i) => [i > 0 && ", ", h("bdi", {}, name), ` ${signed(weight)}`]),
    );
    const title = "Samples that fire it most";
    const signs = h("span", { class: "nait-muted" }, " by size, either way");
    fill(this.#samples, h("h4", {}, title, signs), sampleList(title, props.samples));
    this.#draw();
  }

  #draw(): void {
    const props = this.#props;
    if (props === null || this.#width === 0) return;
    const { edges, counts, spreads } = props;
    const left = Math.min(0.35 * this.#width, widest(spreads.map(({ name }) => name)) + 10);
    const ends = [edges[0] ?? 0, edges[counts.length] ?? 1] as const;
    const x = scaleLinear([...ends], [left, this.#width - 12]);
    const bottom = TOP + BARS + AXIS + spreads.length * ROW;
    fill(this.figure, bars(props, x, left), axis(x), ...spreads.map((each, i) => spread(each, i, x, left)));
    this.figure.setAttribute("width", String(this.#width));
    this.figure.setAttribute("height", String(bottom + 4));
    this.figure.setAttribute("aria-label", described(props));
  }
}

type Scale = ScaleLinear<number, number>;

function bars({ counts, edges }: NeuronProps, x: Scale, left: number): SVGElement {
  const most = Math.max(1, ...Array.from(counts));
  // By square roots, so that the few samples in the tails are seen beside the many that don't fire.
  const height = scaleSqrt([0, most], [0, BARS]);
  const bar = (size: number, i: number): SVGElement | false => {
    const [from, to] = [x(edges[i]!), x(edges[i + 1]!)];
    const tall = Math.max(1, height(size));
    return size > 0 && s("rect", { x: from, y: TOP + BARS - tall, width: Math.max(1, to - from - 0.5), height: tall });
  };
  const label = (y: number, text: string): SVGElement => s("text", { x: left - 6, y, "text-anchor": "end" }, text);
  return s(
    "g",
    { class: "nait-neuron-bars" },
    ...Array.from(counts).map(bar),
    label(TOP + 9, count(most)),
    label(TOP + BARS, "rows (√)"),
  );
}

function axis(x: Scale): SVGElement {
  const y = TOP + BARS;
  const [from, to] = x.range() as [number, number];
  return s(
    "g",
    { class: "nait-axis" },
    s("line", { x1: from, x2: to, y1: y + 0.5, y2: y + 0.5 }),
    ...x
      .ticks(Math.max(2, (to - from) / 80))
      .map((tick) => s("text", { x: x(tick), y: y + 14, "text-anchor": "middle" }, amount(tick, 2))),
  );
}

/** A line from percentile 10 to 90 with a dot at the mean. */
function spread({ name, rows, mean, low, high }: Spread, i: number, x: Scale, left: number): SVGElement {
  const y = TOP + BARS + AXIS + (i + 0.5) * ROW;
  const label = `${name}: mean ${amount(mean)}, percentiles 10 to 90 from ${amount(low)} to ${amount(high)}, ${count(rows)} rows`;
  return s(
    "g",
    { class: i === 0 ? "nait-neuron-pool" : "nait-neuron-set" },
    s("title", {}, label),
    s("rect", { x: 0, y: y - ROW / 2, width: x.range()[1]!, height: ROW, class: "nait-neuron-hit" }),
    s("text", { x: left - 6, y, "text-anchor": "end", "dominant-baseline": "central" }, clipped(name, left - 8)),
    s("line", { x1: x(low), x2: x(high), y1: y, y2: y }),
    s("circle", { cx: x(mean), cy: y, r: 4 }),
  );
}

function described({ layer, neuron, spreads }: NeuronProps): string {
  const means = spreads.map(({ name, mean }) => `${name} ${amount(mean)}`).join(", ");
  return `Neuron ${neuron} of layer ${layer}, values over the pool; means: ${means}`;
}
