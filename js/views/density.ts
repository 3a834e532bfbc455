/** How two numbers go together: points counted in the cells of a grid. */

import { scaleLinear, scaleLog } from "d3-scale";
import { interpolateCividis } from "d3-scale-chromatic";
import { count } from "../core/amounts";
import { density, rangeOf } from "../core/density";
import { fill, h, s } from "./dom";
import { type Host, onTheme, onWidth, type View } from "./host";

export interface DensityProps {
  /** What is shown, for screen readers. */
  title: string;
  /** Positive: its axis is logarithmic. */
  x: ArrayLike<number>;
  y: ArrayLike<number>;
  xName: string;
  yName: string;
}

const HEIGHT = 170;
const MARGIN = { left: 46, right: 8, top: 24, bottom: 32 };
const CELL = { width: 9, height: 7 };

export class Density implements View {
  readonly element: HTMLElement;
  readonly figure = s("svg", { role: "img", height: HEIGHT });
  #props: DensityProps | null = null;
  #width = 0;

  constructor(host: Host) {
    this.element = h("div", { class: "nait-curve" }, this.figure);
    onWidth(this.element, host.signal, (width) => {
      this.#width = width;
      this.#draw();
    });
    onTheme(host.signal, () => this.#draw());
  }

  update(props: DensityProps): void {
    this.#props = props;
    this.figure.setAttribute("aria-label", `${props.title}, ${count(props.x.length)} rows`);
    this.#draw();
  }

  #draw(): void {
    const props = this.#props;
    if (props === null || this.#width === 0) return;
    const logs = Array.from(props.x, Math.log10);
    const [xs, ys] = [rangeOf(logs), rangeOf(props.y)];
    const [left, right] = [MARGIN.left, this.#width - MARGIN.right];
    const [top, bottom] = [MARGIN.top, HEIGHT - MARGIN.bottom];
    const columns = Math.max(1, Math.round((right - left) / CELL.width));
    const lines = Math.round((bottom - top) / CELL.height);
    const counts = density(logs, props.y, xs, ys, columns, lines);
    const most = Math.max(1, ...counts);
    const [wide, tall] = [(right - left) / columns, (bottom - top) / lines];
    const dark = document.body.dataset["jpThemeLight"] === "false";
    const cells = Array.from(counts, (n, i) => {
      if (n === 0) return false;
      const share = Math.sqrt(n / most); // so that few are seen beside many
      return s("rect", {
        x: left + (i % columns) * wide,
        y: bottom - (Math.floor(i / columns) + 1) * tall,
        width: wide + 0.3,
        height: tall + 0.3,
        // Many stand out from the background, be it light or dark.
        fill: interpolateCividis(dark ? 0.15 + 0.85 * share : 0.9 - 0.9 * share),
      });
    });
    this.figure.setAttribute("width", String(this.#width));
    const x = scaleLog([10 ** xs[0], 10 ** xs[1]], [left, right]);
    const y = scaleLinear([...ys], [bottom, top]);
    fill(
      this.figure,
      s("g", { "aria-hidden": "true" }, ...cells),
      s(
        "g",
        { class: "nait-axis", "aria-hidden": "true" },
        s("line", { x1: left, x2: right, y1: bottom, y2: bottom }),
        ...thinned(x.ticks(), x).map((tick) =>
          s("text", { x: x(tick), y: bottom + 15, "text-anchor": "middle" }, count(tick)),
        ),
        ...y
          .ticks(5)
          .map((tick) =>
            s("text", { x: left - 6, y: y(tick), dy: "0.32em", "text-anchor": "end" }, y.tickFormat(5)(tick)),
          ),
        s("text", { x: (left + right) / 2, y: HEIGHT - 3, "text-anchor": "middle" }, props.xName),
        s("text", { x: left - 6, y: 12, "text-anchor": "start" }, `${props.yName}; up to ${count(most)} rows a cell`),
      ),
    );
  }
}

/** Ticks that lie apart by the room of their text. */
function thinned(ticks: readonly number[], x: (tick: number) => number): number[] {
  const kept: number[] = [];
  for (const tick of ticks) {
    const last = kept.at(-1);
    if (last === undefined || x(tick) - x(last) > 40) kept.push(tick);
  }
  return kept;
}
