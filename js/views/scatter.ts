/** A map of the samples: alike ones lie near each other. It shows what is chosen, and a lasso filters by place. */

import { count } from "../core/amounts";
import type { Corner, LassoMode } from "../core/lasso";
import type { Shading, Tally } from "../core/paint";
import type { Inks } from "../core/palette";
import { oneLine } from "../core/text";
import type { Points } from "../core/viewport";
import { fill, h, uniqueId } from "./dom";
import { saveButtons } from "./figure";
import { framed, onTheme, onWidth, type Host, type View } from "./host";
import { isSame, readInks, shade, type ScatterColour } from "./scatter_colour";
import { Gestures, type Gestured } from "./scatter_gestures";
import { Legend } from "./scatter_legend";
import { Plot } from "./scatter_plot";
import { Tools, type Tool } from "./scatter_tools";

/** Places of the rows, compared by identity; NaN for a row without one, which isn't drawn. */
export type ScatterData = Points;

export type { LassoMode, ScatterColour };

export interface ScatterProps {
  data: ScatterData;
  /** Of each row: 0 greyed (filtered out), 1 shown, 2 chosen; + 4 pinned, + 8 excluded. Read anew by each update. */
  state: Uint8Array;
  /** How many rows the filters leave. */
  shown: number;
  color: ScatterColour;
  /** The row with a ring around it. */
  current: number | null;
  /** Whether a lasso filters. */
  lassoed: boolean;
  /** What the axes are; null while the places are on their way. */
  axes: string | null;
}

export interface ScatterHandlers {
  lasso(rows: Int32Array, mode: LassoMode): void;
  clearLasso(): void;
  pick(row: number): void;
  hover?(row: number | null): void;
  /** A row in a few words. */
  describe(row: number): string;
}

const NOWHERE = "There is no map: no sample has a place on it, since the store keeps no sketch of the activations.";
const NEAR = 6;
/** From the pointer to the tooltip. */
const APART = 14;
const DESCRIPTION = 120;
const HEIGHT = { share: 0.7, least: 240 };
/** Milliseconds without a change after which the label for screen readers follows. */
const QUIET = 500;

const HINTS: Record<Tool, string> = {
  pan:
    "Drag or arrow keys move, + and − or Ctrl + wheel zoom, 0 shows everything. " +
    "A click opens a sample, Enter the middle one. Shift + drag or L lassos.",
  lasso:
    "Draw around samples; Shift adds, Alt subtracts. By keyboard: arrow keys move a box, Shift + arrow keys " +
    "size it, Enter applies, Escape gives up.",
};

const DONE: Record<LassoMode, string> = {
  replace: "lassoed",
  add: "added to the lasso",
  subtract: "taken from the lasso",
};

export class Scatter implements View, Gestured {
  readonly element: HTMLElement;
  readonly #plot = new Plot();
  readonly #legend = new Legend();
  readonly #tools: Tools;
  readonly #tip = h("div", { class: "nait-scatter-tip", "aria-hidden": "true", hidden: true });
  readonly #hint = h("p", { id: uniqueId("scatter-hint"), class: "nait-scatter-note nait-muted" });
  readonly #axes = h("p", { class: "nait-scatter-note nait-muted" });
  readonly #empty = h("p", { class: "nait-muted", hidden: true });
  readonly #save: HTMLElement;
  readonly #map: HTMLElement;
  readonly #redraw: () => void;
  #props: ScatterProps | null = null;
  #width = 0;
  #inks: Inks | null = null;
  #shading: Shading | null = null;
  #coloured: ScatterColour | null = null;
  #pointer: Corner | null = null;
  #hovered: number | null = null;
  #labelling = 0;

  constructor(
    private readonly host: Host,
    private readonly handlers: ScatterHandlers,
  ) {
    const { canvas } = this.#plot;
    this.#redraw = framed(host.signal, () => this.#draw());
    this.#tools = new Tools({
      chosen: (tool) => {
        gestures.cancel();
        this.#explain(tool);
        host.announce(`${tool === "lasso" ? "Lasso" : "Move"}. ${HINTS[tool]}`);
      },
      zoom: (factor) => this.zoom(factor, canvas.clientWidth / 2, canvas.clientHeight / 2),
      reset: () => this.reset(),
      clearLasso: () => {
        handlers.clearLasso();
        canvas.focus(); // the button goes
        host.announce("Lasso cleared.");
      },
    });
    const gestures = new Gestures(host, canvas, this.#tools, this);
    canvas.setAttribute("aria-describedby", this.#hint.id);
    this.#explain(this.#tools.tool);
    const stage = h("div", { class: "nait-scatter-stage" }, canvas, gestures.overlay, this.#tools.clear, this.#tip);
    this.#map = h("div", {}, this.#tools.element, stage, this.#legend.element, this.#axes, this.#hint);
    this.#save = saveButtons("map", () => canvas);
    this.element = h(
      "section",
      { class: "nait-panel nait-scatter", "aria-label": "Map of the samples" },
      h("header", {}, h("h3", {}, "Map of the samples"), this.#save),
      this.#empty,
      this.#map,
    );
    onTheme(host.signal, () => {
      this.#inks = null;
      this.#redraw();
    });
    onWidth(stage, host.signal, (width) => {
      this.#width = width;
      this.#resize();
    });
    window.addEventListener("resize", () => this.#resize(), { signal: host.signal }); // another devicePixelRatio
    host.signal.addEventListener("abort", () => clearTimeout(this.#labelling));
  }

  update(props: ScatterProps): void {
    this.#props = props;
    this.#plot.take(props.data);
    this.#tools.update(props.lassoed);
    const unplaced = props.state.length - this.#plot.placed;
    this.#axes.textContent =
      (props.axes ?? "") + (unplaced > 0 ? ` · not on the map for want of a sketch: ${count(unplaced)}` : "");
    const empty = this.#plot.placed === 0;
    this.#empty.hidden = !empty;
    this.#empty.textContent = props.axes === null ? "Laying the samples out…" : NOWHERE;
    this.#map.hidden = empty;
    this.#save.hidden = empty;
    this.#draw();
    if (this.#pointer !== null) this.hover(this.#pointer); // its description may have come
  }

  pan(right: number, down: number): void {
    this.#plot.pan(right, down);
    this.#moved();
  }

  zoom(factor: number, x: number, y: number): boolean {
    const zoomed = this.#plot.zoom(factor, x, y);
    this.#moved();
    return zoomed;
  }

  reset(): void {
    this.#plot.reset();
    this.#moved();
  }

  hover(at: Corner | null): void {
    this.#pointer = at;
    if (this.#props === null) return;
    const found = at && this.#plot.nearest(...at, NEAR, this.#props.state);
    this.#tip.hidden = found === null;
    if (at !== null && found !== null) this.#point(at, found);
    if ((found?.row ?? null) === this.#hovered) return;
    this.#hovered = found?.row ?? null;
    this.handlers.hover?.(this.#hovered);
  }

  pick(x: number, y: number): void {
    const found = this.#props && this.#plot.nearest(x, y, NEAR, this.#props.state);
    if (found !== null) this.handlers.pick(found.row);
  }

  pickMiddle(): void {
    const { clientWidth, clientHeight } = this.#plot.canvas;
    const radius = clientWidth + clientHeight;
    const found = this.#props && this.#plot.nearest(clientWidth / 2, clientHeight / 2, radius, this.#props.state);
    if (found === null) return;
    this.handlers.pick(found.row);
    this.host.announce(oneLine(this.handlers.describe(found.row), DESCRIPTION));
  }

  count(polygon: readonly Corner[]): number {
    return this.#plot.inside(polygon).length;
  }

  lasso(polygon: readonly Corner[], mode: LassoMode): void {
    const rows = this.#plot.inside(polygon);
    if (rows.length > 0) this.handlers.lasso(rows, mode);
    this.host.announce(rows.length > 0 ? `${count(rows.length)} samples ${DONE[mode]}.` : "No samples there.");
  }

  #moved(): void {
    this.hover(null);
    this.#redraw();
  }

  #explain(tool: Tool): void {
    this.#hint.textContent = HINTS[tool];
    this.#plot.canvas.dataset["tool"] = tool;
  }

  #resize(): void {
    if (this.#width === 0) return;
    const { share, least } = HEIGHT;
    const most = this.host.look.mapHeight;
    this.#plot.resize(this.#width, Math.round(Math.min(most, Math.max(least, share * this.#width))));
    this.#draw(); // at once: a canvas of another size is blank
  }

  #draw(): void {
    if (this.#props === null || this.#width === 0 || this.#plot.placed === 0) return;
    const { state, color, current, shown } = this.#props;
    if (this.#inks === null) {
      this.#inks = readInks(this.element, this.host.look.palette);
      this.#coloured = null;
    }
    if (this.#shading === null || this.#coloured === null || !isSame(color, this.#coloured)) {
      const { shading, meaning } = shade(color, this.#inks);
      this.#shading = shading;
      this.#coloured = color;
      this.#legend.explain(meaning, this.#inks);
    }
    const tally = this.#plot.draw(state, this.#shading, this.#inks, current, shown);
    this.#legend.count(tally, this.#plot.isZoomed);
    clearTimeout(this.#labelling);
    this.#labelling = window.setTimeout(() => this.#label(tally), QUIET);
  }

  #label({ chosen, shown, greyed }: Tally): void {
    const label =
      `Map of ${count(this.#plot.placed)} samples; in view: ${count(chosen)} chosen, ` +
      `${count(shown)} not chosen, ${count(greyed)} filtered out.`;
    this.#plot.canvas.setAttribute("aria-label", label);
  }

  #point([x, y]: Corner, { row, count: here }: { row: number; count: number }): void {
    const text = oneLine(this.handlers.describe(row), DESCRIPTION);
    fill(
      this.#tip,
      h("span", { class: "nait-sample", dir: "auto" }, text),
      here > 1 && h("span", { class: "nait-muted" }, `1 of ${count(here)} here`),
    );
    const { clientWidth, clientHeight } = this.#plot.canvas;
    const isLow = y > clientHeight / 2;
    const { style } = this.#tip;
    style.left = `${Math.max(0, Math.min(x, clientWidth - this.#tip.offsetWidth))}px`;
    style.top = isLow ? "" : `${y + APART}px`;
    style.bottom = isLow ? `${clientHeight - y + APART}px` : "";
  }
}
