/** The picture of the map: a canvas, and what lies where on it. Distances are CSS pixels from its top left. */

import { polygonMask, rowsInside, type Corner } from "../core/lasso";
import { MOST_MARKS, Paint, type Shading, type Tally } from "../core/paint";
import { css, type Inks } from "../core/palette";
import { EXCLUDED, OUTSIDE, PINNED, Raster } from "../core/raster";
import { countPlaced, fit, panned, zoomed, type Points, type Viewport } from "../core/viewport";
import { h } from "./dom";

/** Up to so many rows in view: diameters of dots, of chosen ones, and how faint a lone row may be among many. */
const DOTS = [
  { rows: 200, size: 6, chosen: 7, faintest: 1 },
  { rows: 2_000, size: 4, chosen: 5, faintest: 0.9 },
  { rows: 8_000, size: 3, chosen: 4, faintest: 0.75 },
  { rows: 30_000, size: 2, chosen: 2, faintest: 0.6 },
  { rows: Infinity, size: 1, chosen: 1, faintest: 0.4 },
];

const RING = 7;
const MARK = 4;

/** The points of a map on a canvas. */
export class Plot {
  readonly canvas = h("canvas", {
    class: "nait-scatter-canvas",
    tabindex: 0,
    role: "application",
    "aria-roledescription": "map",
  });
  /** How many rows have a place at all. */
  placed = 0;
  #points: Points | null = null;
  #home: Viewport | null = null;
  #view: Viewport | null = null;
  #raster = new Raster();
  #stale = true;
  #paint = new Paint();
  #picture = new ImageData(1, 1);
  #ratio = 1;

  get isZoomed(): boolean {
    return this.#view !== this.#home;
  }

  /** Take points; other ones than before are shown from afar. */
  take(points: Points): void {
    if (points === this.#points) return;
    this.#points = points;
    this.placed = countPlaced(points);
    this.#home = fit(points);
    this.#move(this.#home);
  }

  resize(width: number, height: number): void {
    this.#ratio = devicePixelRatio;
    this.canvas.style.width = `${width}px`;
    this.canvas.style.height = `${height}px`;
    this.canvas.width = Math.round(width * this.#ratio);
    this.canvas.height = Math.round(height * this.#ratio);
    this.#picture = new ImageData(this.canvas.width, this.canvas.height);
    this.#stale = true;
  }

  reset(): void {
    this.#move(this.#home);
  }

  /** Drag the points along. */
  pan(right: number, down: number): void {
    if (this.#view === null || this.#home === null) return;
    const { clientWidth, clientHeight } = this.canvas;
    this.#move(panned(this.#view, this.#home, -right / clientWidth, down / clientHeight));
  }

  /** Zoom about a point that stays where it is. False where there is no zooming any further. */
  zoom(factor: number, x: number, y: number): boolean {
    if (this.#view === null || this.#home === null) return false;
    const { clientWidth, clientHeight } = this.canvas;
    const before = this.#view.width;
    const view = zoomed(this.#view, this.#home, factor, x / clientWidth, 1 - y / clientHeight);
    this.#move(view.width === this.#home.width ? this.#home : view);
    return view.width !== before;
  }

  /** @param passing How many rows the filters leave: the fewer they are, the larger their dots. */
  draw(state: Uint8Array, shading: Shading, inks: Inks, current: number | null, passing: number): Tally {
    this.#place();
    const context = this.canvas.getContext("2d");
    if (context === null) throw new Error("This browser can't draw the map.");
    const { inView } = this.#raster;
    const greyed = DOTS.find(({ rows }) => inView <= rows)!;
    const dots = DOTS.find(({ rows }) => Math.min(inView, passing) <= rows)!;
    const tally = this.#paint.shade(this.#raster, state, shading, dots.faintest);
    const pixels = new Uint32Array(this.#picture.data.buffer);
    pixels.fill(inks.background);
    const size = (diameter: number): number => Math.max(1, Math.round(diameter * this.#ratio));
    this.#paint.stamp(this.#raster, pixels, [size(greyed.size), size(dots.size), size(dots.chosen)]);
    context.putImageData(this.#picture, 0, 0);
    if (tally.marks.length < MOST_MARKS) {
      for (const { at, state: bits } of tally.marks) {
        const [x, y] = this.#middle(this.#raster.pixels[at]!);
        if (bits & PINNED) this.#outline(context, inks, diamond(x, y));
        if (bits & EXCLUDED) this.#outline(context, inks, cross(x, y));
      }
    }
    const pixel = current === null ? OUTSIDE : (this.#raster.pixelOf[current] ?? OUTSIDE);
    if (pixel !== OUTSIDE) this.#outline(context, inks, ring(...this.#middle(pixel)), 2);
    return tally;
  }

  /** The row nearest to a point, and how many rows lie there; null where none is near. */
  nearest(x: number, y: number, within: number, state: Uint8Array): { row: number; count: number } | null {
    this.#place();
    return this.#raster.nearest(x * this.#ratio, y * this.#ratio, within * this.#ratio, state);
  }

  /** The rows in view inside a polygon, ascending. */
  inside(polygon: readonly Corner[]): Int32Array {
    this.#place();
    const corners = polygon.map(([x, y]): Corner => [x * this.#ratio, y * this.#ratio]);
    return rowsInside(this.#raster, polygonMask(corners, this.#raster.width, this.#raster.height));
  }

  /** Sort the rows into pixels where anything moved since: many moves of one frame cost one sorting. */
  #place(): void {
    if (!this.#stale || this.#points === null || this.#view === null) return;
    this.#raster.place(this.#points, this.#view, this.canvas.width, this.canvas.height);
    this.#stale = false;
  }

  #move(view: Viewport | null): void {
    if (view !== this.#view) this.#stale = true;
    this.#view = view;
  }

  #middle(pixel: number): [x: number, y: number] {
    const { width } = this.#raster;
    return [((pixel % width) + 0.5) / this.#ratio, (Math.floor(pixel / width) + 0.5) / this.#ratio];
  }

  /** A line that stands out from whatever lies below. */
  #outline(context: CanvasRenderingContext2D, inks: Inks, path: Path2D, width = 1.25): void {
    context.setTransform(this.#ratio, 0, 0, this.#ratio, 0, 0);
    for (const [style, thickness] of [
      [inks.background, width + 2],
      [inks.text, width],
    ] as const) {
      context.strokeStyle = css(style);
      context.lineWidth = thickness;
      context.stroke(path);
    }
  }
}

function ring(x: number, y: number): Path2D {
  const path = new Path2D();
  path.arc(x, y, RING, 0, 2 * Math.PI);
  return path;
}

function diamond(x: number, y: number): Path2D {
  return new Path2D(`M${x - MARK},${y} l${MARK},${-MARK} l${MARK},${MARK} l${-MARK},${MARK}z`);
}

function cross(x: number, y: number): Path2D {
  const [left, top, across] = [x - MARK * 0.7, y - MARK * 0.7, MARK * 1.4];
  return new Path2D(`M${left},${top} l${across},${across} m0,${-across} l${-across},${across}`);
}
