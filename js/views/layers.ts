/** What each layer adds to a score: signed bars, and the sum written out. */

import { scaleLinear } from "d3-scale";
import { signed } from "../core/amounts";
import { widest } from "../core/labels";
import { fill, h, s } from "./dom";
import { type Host, onWidth, type View } from "./host";

export interface LayersProps {
  layers: readonly number[];
  /** What each layer adds. */
  values: ArrayLike<number>;
  score: number;
}

const HEIGHT = 150;
const MARGIN = { left: 50, right: 6, top: 16, bottom: 32 };
const LABEL = 13; // room for a bar's number

export class Layers implements View {
  readonly element: HTMLElement;
  readonly figure = s("svg", { role: "img", height: HEIGHT });
  readonly #sum = h("p", { class: "nait-layers-sum" });
  #props: LayersProps | null = null;
  #width = 0;

  constructor(host: Host) {
    const plot = h("div", {}, this.figure);
    this.element = h("div", { class: "nait-layers" }, plot, this.#sum);
    onWidth(plot, host.signal, (width) => {
      this.#width = width;
      this.#draw();
    });
  }

  update(props: LayersProps): void {
    this.#props = props;
    const terms = props.layers.map((layer, i) => ({ layer, value: props.values[i]! }));
    const written = terms.map(({ layer, value }) => `layer ${layer} ${signed(value)}`).join(", ");
    this.figure.setAttribute("aria-label", `Contributions by layer: ${written}; their sum is ${signed(props.score)}`);
    fill(
      this.#sum,
      h("strong", {}, signed(props.score)),
      " = ",
      ...terms.flatMap(({ layer, value }) => [h("span", {}, signed(value), h("sub", {}, layer)), " "]),
      h("span", { class: "nait-muted" }, "(the small figures are layers)"),
    );
    this.#draw();
  }

  #draw(): void {
    const props = this.#props;
    if (props === null || this.#width === 0) return;
    const values = Array.from(props.values);
    const band = (this.#width - MARGIN.left - MARGIN.right) / values.length;
    const labelled = widest(values.map((value) => signed(value))) + 4 <= band;
    const below = labelled && values.some((value) => value < 0) ? LABEL : 0;
    const y = scaleLinear(
      [Math.min(0, ...values), Math.max(0, ...values)],
      [HEIGHT - MARGIN.bottom - below, MARGIN.top],
    );
    const written = y.tickFormat(4);
    this.figure.setAttribute("width", String(this.#width));
    fill(
      this.figure,
      s(
        "g",
        { class: "nait-axis" },
        ...y
          .ticks(4)
          .map((tick) =>
            s(
              "g",
              { transform: `translate(0,${y(tick)})` },
              s("line", { x1: MARGIN.left, x2: this.#width - MARGIN.right }),
              s("text", { x: MARGIN.left - 6, dy: "0.32em", "text-anchor": "end" }, written(tick)),
            ),
          ),
      ),
      ...values.map((value, i) => bar(value, props.layers[i]!, MARGIN.left + i * band, band, y, labelled)),
      s("line", { class: "nait-layers-zero", x1: MARGIN.left, x2: this.#width - MARGIN.right, y1: y(0), y2: y(0) }),
      names(props.layers, band),
    );
  }
}

function bar(
  value: number,
  layer: number,
  x: number,
  band: number,
  y: (value: number) => number,
  labelled: boolean,
): SVGElement {
  const text = signed(value);
  const end = y(value);
  return s(
    "g",
    {},
    s("title", {}, `Layer ${layer}: ${text}`),
    s("rect", {
      class: value < 0 ? "nait-layers-negative" : "nait-layers-positive",
      x: x + 0.15 * band,
      width: Math.max(1, 0.7 * band),
      y: Math.min(end, y(0)),
      height: Math.abs(end - y(0)),
    }),
    labelled && s("text", { x: x + band / 2, y: value < 0 ? end + 11 : end - 4, "text-anchor": "middle" }, text),
  );
}

function names(layers: readonly number[], band: number): SVGElement {
  const every = Math.max(1, Math.ceil((widest(layers.map(String)) + 4) / band));
  const middle = MARGIN.left + (layers.length * band) / 2;
  return s(
    "g",
    { class: "nait-axis" },
    ...layers.map(
      (layer, i) =>
        i % every === 0 &&
        s("text", { x: MARGIN.left + (i + 0.5) * band, y: HEIGHT - 17, "text-anchor": "middle" }, layer),
    ),
    s("text", { x: middle, y: HEIGHT - 3, "text-anchor": "middle" }, "layer"),
  );
}
