/** A small chart of one or more series over named places. */

import { scaleLinear, type ScaleLinear } from "d3-scale";
import { amount } from "../core/amounts";
import { rangeOf, type Range } from "../core/density";
import { widest } from "../core/labels";
import { fill, h, s } from "./dom";
import { type Host, onWidth, type View } from "./host";

export interface Series {
  name: string;
  /** One a place; `dots` may have several runs of them, one after another. NaN where there is none. */
  values: ArrayLike<number>;
  kind: "line" | "bars" | "dots";
}

export interface CurveProps {
  /** What the chart shows, for screen readers. */
  title: string;
  /** The places, in order. */
  places: readonly (string | number)[];
  /** What a place is. */
  placeName: string;
  series: readonly Series[];
  /** What the axis shows at least. */
  range: Range;
}

const HEIGHT = 170;
const MARGIN = { left: 46, right: 8, top: 24, bottom: 32 };
const MARKS = ["M-3.5,0a3.5,3.5 0 1 0 7,0a3.5,3.5 0 1 0 -7,0", "M-3.2,-3.2h6.4v6.4h-6.4z", "M0,-4.4l4.4,7.6h-8.8z"];

export class Curve implements View {
  readonly element: HTMLElement;
  readonly figure = s("svg", { role: "img", height: HEIGHT });
  #props: CurveProps | null = null;
  #width = 0;

  constructor(host: Host) {
    this.element = h("div", { class: "nait-curve" }, this.figure);
    onWidth(this.element, host.signal, (width) => {
      this.#width = width;
      this.#draw();
    });
  }

  update(props: CurveProps): void {
    this.#props = props;
    const told = props.series
      .filter(({ kind }) => kind !== "dots")
      .map((each) => `${each.name}: ${listed(props, each)}`);
    this.figure.setAttribute("aria-label", `${props.title}. ${told.join("; ")}`);
    this.#draw();
  }

  #draw(): void {
    const props = this.#props;
    if (props === null || this.#width === 0) return;
    const place = new Place(props, this.#width);
    this.figure.setAttribute("width", String(this.#width));
    fill(
      this.figure,
      axes(props, place),
      ...props.series.map((series, i) =>
        s("g", { class: `nait-curve-${i} nait-curve-${series.kind}` }, ...drawn(props, series, place, i)),
      ),
      legend(props.series),
    );
  }
}

class Place {
  readonly y: ScaleLinear<number, number>;
  readonly band: number;

  constructor(
    props: CurveProps,
    readonly width: number,
  ) {
    const known = props.series.flatMap(({ values }) => Array.from(values).filter(Number.isFinite));
    const range = rangeOf([...props.range, ...known]);
    this.y = scaleLinear([...range], [HEIGHT - MARGIN.bottom, MARGIN.top]);
    this.band = (width - MARGIN.left - MARGIN.right) / Math.max(1, props.places.length);
  }

  x(i: number): number {
    return MARGIN.left + (i + 0.5) * this.band;
  }
}

function axes({ places, placeName }: CurveProps, place: Place): SVGElement {
  const { y, band, width } = place;
  const every = Math.max(1, Math.ceil((widest(places.map(String)) + 6) / band));
  const bottom = HEIGHT - MARGIN.bottom;
  return s(
    "g",
    { class: "nait-axis", "aria-hidden": "true" },
    ...y
      .ticks(5)
      .map((tick) =>
        s(
          "g",
          { transform: `translate(0,${y(tick)})` },
          s("line", { x1: MARGIN.left, x2: width - MARGIN.right }),
          s("text", { x: MARGIN.left - 6, dy: "0.32em", "text-anchor": "end" }, y.tickFormat(5)(tick)),
        ),
      ),
    ...places.map(
      (name, i) => i % every === 0 && s("text", { x: place.x(i), y: bottom + 15, "text-anchor": "middle" }, name),
    ),
    s("text", { x: (MARGIN.left + width) / 2, y: HEIGHT - 3, "text-anchor": "middle" }, placeName),
  );
}

function drawn(props: CurveProps, { name, values, kind }: Series, place: Place, order: number): SVGElement[] {
  const { y } = place;
  const n = props.places.length;
  const marks: SVGElement[] = [];
  let path = "";
  for (let i = 0; i < values.length; i++) {
    const value = values[i]!;
    if (!Number.isFinite(value)) {
      path += " ";
      continue;
    }
    const [x, up] = [place.x(i % n), y(value)];
    const title = s("title", {}, `${name}, ${props.placeName} ${props.places[i % n]}: ${amount(value)}`);
    if (kind === "bars") {
      const wide = Math.max(1, 0.6 * place.band);
      const [top, bottom] = [Math.min(up, y(0)), Math.max(up, y(0))];
      marks.push(s("rect", { x: x - wide / 2, y: top, width: wide, height: Math.max(1, bottom - top) }, title));
    } else {
      path += `${path === "" || path.endsWith(" ") ? "M" : "L"}${x.toFixed(1)},${up.toFixed(1)}`;
      const d = kind === "dots" ? MARKS[0]! : MARKS[order % MARKS.length]!;
      marks.push(s("path", { class: "nait-curve-mark", d, transform: `translate(${x},${up})` }, title));
    }
  }
  return kind === "line" ? [s("path", { class: "nait-curve-path", d: path }), ...marks] : marks;
}

function legend(series: readonly Series[]): SVGElement {
  let x = MARGIN.left;
  const entries = series.map(({ name, kind }, i) => {
    const at = x;
    x += 18 + widest([name]) + 12;
    const mark =
      kind === "bars"
        ? s("rect", { x: -5, y: -4, width: 10, height: 9 })
        : s("path", { class: "nait-curve-mark", d: kind === "dots" ? MARKS[0]! : MARKS[i % MARKS.length]! });
    return s(
      "g",
      { transform: `translate(${at},10)`, class: `nait-curve-${i} nait-curve-${kind}` },
      s("g", { transform: "translate(6,0)" }, mark),
      s("text", { x: 16, dy: "0.32em" }, name),
    );
  });
  return s("g", { "aria-hidden": "true" }, ...entries);
}

function listed({ places }: CurveProps, { values }: Series): string {
  return places.map((name, i) => `${name} ${amount(values[i] ?? NaN)}`).join(", ");
}
