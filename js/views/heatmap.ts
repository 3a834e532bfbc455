/** A heat map with names at its rows and columns, its values written where they fit, and its scale below. */

import { interpolateCividis, interpolatePuOr } from "d3-scale-chromatic";
import type { Cell } from "../core/grid";
import { inkOn } from "../core/ink";
import { fill, h, s } from "./dom";
import { onWidth, type Host, type View } from "./host";
import { CHARACTER, clipped, widest } from "../core/labels";
import { Roving } from "./roving";

export interface HeatmapProps {
  rows: readonly string[];
  columns: readonly string[];
  /** Row by row; NaN where there is none. */
  values: ArrayLike<number>;
  scale: "sequential" | "diverging";
  /** Values of the scale's ends. */
  domain: readonly [number, number];
  /** What a column is, such as "layer". */
  columnName: string;
  /** What a value is, such as "Jaccard index". */
  valueName: string;
  chosen?: Cell | null;
}

const ROW = { tall: 24, low: 17, many: 24 };
const NARROWEST = 12;
const WIDEST = 64;
const LONGEST = 110; // of a column's name, where they are tilted
const LEGEND = { width: 144, steps: 24, height: 34 };

export class Heatmap implements View {
  readonly element: HTMLElement;
  readonly figure = s("svg", { role: "grid" });
  readonly #roving: Roving;
  #props: HeatmapProps | null = null;
  #width = 0;

  /**
   * @param name What the map shows, for screen readers.
   * @param choose Called with a cell when it is clicked, or Enter is pressed on it.
   */
  constructor(host: Host, name: string, choose: (cell: Cell) => void) {
    this.figure.setAttribute("aria-label", name);
    this.element = h("div", { class: "nait-heatmap" }, this.figure);
    this.#roving = new Roving(this.figure, host.signal, choose);
    onWidth(this.element, host.signal, (width) => {
      this.#width = width;
      this.#draw();
    });
  }

  update(props: HeatmapProps): void {
    this.#props = props;
    this.#draw();
  }

  #draw(): void {
    const props = this.#props;
    if (props === null || this.#width === 0) return;
    const place = new Place(props, this.#width);
    this.#roving.redraw(() => {
      const rows = props.rows.map((name, row) => this.#row(props, place, name, row));
      fill(this.figure, header(props, place), ...rows.map(({ element }) => element), legend(props, place));
      return rows.map(({ cells }) => cells);
    });
    this.figure.setAttribute("width", String(place.width));
    this.figure.setAttribute("height", String(place.bottom + LEGEND.height));
  }

  #row(props: HeatmapProps, place: Place, name: string, row: number): { element: SVGElement; cells: SVGElement[] } {
    const cells = props.columns.map((_, column) => cell(props, place, row, column));
    const y = place.top + row * place.row;
    const label = s("text", {
      x: 0,
      y: place.row / 2,
      "dominant-baseline": "central",
      role: "rowheader",
      "aria-label": name,
    });
    label.append(clipped(name, place.left - 6), s("title", {}, name));
    return { element: s("g", { role: "row", transform: `translate(0,${y})` }, label, ...cells), cells };
  }
}

/** Where things lie, from the props and the width. */
class Place {
  readonly left: number;
  readonly cell: number;
  readonly top: number;
  readonly tilted: boolean;
  /** Every how many-th column has its name. */
  readonly every: number;
  /** How far a tilted name reaches to the right and up. */
  readonly overhang: number;

  constructor(
    readonly props: HeatmapProps,
    available: number,
  ) {
    const name = widest(props.columns);
    const room = (taken: number): number => (available - taken - 2) / Math.max(1, props.columns.length);
    const fitted = (width: number): number => Math.max(NARROWEST, Math.min(WIDEST, width));
    this.left = Math.min(0.4 * available, widest([...props.rows, props.columnName]) + 8);
    this.tilted = name > fitted(room(this.left)) && name > 3 * CHARACTER;
    this.overhang = this.tilted ? 0.71 * Math.min(LONGEST, name) : 0;
    this.cell = fitted(room(this.left + this.overhang));
    this.every = this.tilted ? 1 : Math.max(1, Math.ceil((name + 2) / this.cell));
    this.top = this.tilted ? this.overhang + 18 : 20;
  }

  /** Height of a row. */
  get row(): number {
    return this.props.rows.length > ROW.many ? ROW.low : ROW.tall;
  }

  get bottom(): number {
    return this.top + this.props.rows.length * this.row;
  }

  get width(): number {
    const cells = this.props.columns.length * this.cell + this.overhang;
    return Math.ceil(this.left + Math.max(cells, LEGEND.width) + 2);
  }

  x(column: number): number {
    return this.left + column * this.cell;
  }
}

function header(props: HeatmapProps, place: Place): SVGElement {
  const names = props.columns.map((name, column) => {
    const [x, y] = [place.x(column) + place.cell / 2, place.top - 6];
    return s(
      "text",
      {
        role: "columnheader",
        "aria-label": `${props.columnName} ${name}`,
        ...(place.tilted
          ? { transform: `translate(${x},${y}) rotate(-45)`, "text-anchor": "start" }
          : { x, y, "text-anchor": "middle" }),
      },
      column % place.every === 0 && clipped(name, place.tilted ? LONGEST : Infinity),
      s("title", {}, name),
    );
  });
  const title = s("text", {
    x: place.left - 8,
    y: place.top - 6,
    "text-anchor": "end",
    class: "nait-heatmap-axis",
    "aria-hidden": "true",
  });
  title.append(props.columnName);
  return s("g", { role: "row" }, title, ...names);
}

function cell(props: HeatmapProps, place: Place, row: number, column: number): SVGElement {
  const value = props.values[row * props.columns.length + column] ?? NaN;
  const text = written(value);
  const ground = Number.isNaN(value) ? null : colour(props, value);
  const [x, width] = [place.x(column), place.cell - 1];
  const label = `${props.rows[row]}, ${props.columnName} ${props.columns[column]}: ${text}`;
  return s(
    "g",
    {
      role: "gridcell",
      "aria-label": label,
      "aria-selected": String(props.chosen?.row === row && props.chosen.column === column),
      class: ground === null ? "nait-heatmap-none" : "nait-heatmap-cell",
    },
    s("title", {}, label),
    s("rect", { x, width, height: place.row - 1, fill: ground ?? "none" }),
    widest([text]) + 2 <= width &&
      s(
        "text",
        {
          x: x + width / 2,
          y: place.row / 2,
          "text-anchor": "middle",
          "dominant-baseline": "central",
          style: ground !== null && `fill: ${inkOn(ground)}`,
        },
        text,
      ),
  );
}

function legend(props: HeatmapProps, place: Place): SVGElement {
  const [low, high] = props.domain;
  const step = LEGEND.width / LEGEND.steps;
  const swatches = Array.from({ length: LEGEND.steps }, (_, i) =>
    s("rect", {
      x: i * step,
      width: step + 0.5,
      height: 8,
      fill: colour(props, low + ((high - low) * (i + 0.5)) / LEGEND.steps),
    }),
  );
  const text = (x: number, anchor: string, content: string): SVGElement =>
    s("text", { x, y: 19, "text-anchor": anchor, class: "nait-heatmap-axis" }, content);
  return s(
    "g",
    { transform: `translate(${place.left},${place.bottom + 8})`, "aria-hidden": "true" },
    ...swatches,
    text(0, "start", written(low)),
    text(LEGEND.width / 2, "middle", props.valueName),
    text(LEGEND.width, "end", written(high)),
  );
}

function colour({ scale, domain: [low, high] }: HeatmapProps, value: number): string {
  const share = high > low ? Math.min(1, Math.max(0, (value - low) / (high - low))) : 0;
  return scale === "sequential" ? interpolateCividis(share) : interpolatePuOr(1 - share); // orange is below 0
}

function written(value: number): string {
  return Number.isNaN(value) ? "–" : value.toFixed(2).replace("-", "−");
}
