/** The histogram of the scores, with a cut that is dragged. */

import { scaleLinear } from "d3-scale";
import { count, scored } from "../core/amounts";
import { s, fill, h, uniqueId } from "./dom";
import { saveButtons } from "./figure";
import { type Host, onWidth, type View } from "./host";

export interface HistogramProps {
  /** What the scores are, for the axis. */
  label: string;
  low: number;
  high: number;
  /** Rows in each of equal bins from low to high: all, those that the filters leave, the chosen ones. */
  all: Uint32Array;
  shown: Uint32Array;
  chosen: Uint32Array;
  /** Where the chosen ones begin, or end at the bottom; null where no score decides. */
  cut: number | null;
  /** Why the cut can't be dragged; null where it can. */
  fixed: string | null;
}

export interface HistogramHandlers {
  /** The cut is moved; `done` when it is let go. */
  cut(value: number, done: boolean): void;
}

const MARGIN = { left: 44, right: 12, top: 10, bottom: 34 };
const STEPS = 200; // of the arrow keys, over the whole range

export class Histogram implements View {
  readonly element: HTMLElement;
  #title = h("h3", {}, "Scores");
  #svg: SVGSVGElement;
  #bars = {
    all: s("path", { class: "nait-histogram-all" }),
    shown: s("path", { class: "nait-histogram-shown" }),
    chosen: s("path", { class: "nait-histogram-chosen" }),
  };
  #axes = s("g", { class: "nait-axis", "aria-hidden": "true" });
  #label = s("text", { class: "nait-histogram-label", "text-anchor": "middle", "aria-hidden": "true" });
  #line: SVGLineElement;
  #handle = s("path", { d: "M-6,0 h12 v8 l-6,6 l-6,-6 z" });
  #cut: SVGGElement;
  #props: HistogramProps | null = null;
  #width = 0;
  #axesDrawn = "";
  #dragging = false;
  /** Where the bars stand. */
  #floor: number;

  constructor(
    host: Host,
    private readonly handlers: HistogramHandlers,
  ) {
    const height = host.look.histogramHeight;
    this.#floor = height - MARGIN.bottom;
    this.#line = s("line", { y1: MARGIN.top, y2: this.#floor });
    this.#cut = s(
      "g",
      {
        class: "nait-histogram-cut",
        role: "slider",
        tabindex: 0,
        "aria-label": "Cut: the score at which rows are chosen",
      },
      s("rect", { x: -9, y: 0, width: 18, height: this.#floor, fill: "transparent" }),
      this.#line,
      this.#handle,
    );
    const clip = uniqueId("clip");
    this.#svg = s(
      "svg",
      { class: "nait-histogram-figure", height, role: "group" },
      s("clipPath", { id: clip }, s("rect", { x: MARGIN.left, y: 0, width: 4000, height })),
      this.#axes,
      s("g", { "clip-path": `url(#${clip})` }, this.#bars.all, this.#bars.shown, this.#bars.chosen),
      this.#label,
      this.#cut,
    );
    this.element = h(
      "section",
      { class: "nait-panel nait-histogram" },
      h(
        "header",
        {},
        this.#title,
        legend(),
        saveButtons("scores", () => this.#svg),
      ),
      this.#svg,
    );
    const { signal } = host;
    onWidth(this.element, signal, (width) => {
      this.#width = width - 18;
      this.#svg.setAttribute("width", String(this.#width));
      this.#draw();
    });
    this.#svg.addEventListener("pointerdown", (event) => this.#press(event), { signal });
    this.#svg.addEventListener("pointermove", (event) => this.#dragging && this.#move(event, false), { signal });
    for (const end of ["pointerup", "pointercancel"] as const) {
      this.#svg.addEventListener(
        end,
        (event) => {
          if (!this.#dragging) return;
          this.#dragging = false;
          this.#move(event, true);
        },
        { signal },
      );
    }
    this.#cut.addEventListener("keydown", (event) => this.#key(event), { signal });
  }

  update(props: HistogramProps): void {
    this.#props = props;
    this.#draw();
  }

  #x(): ((value: number) => number) & { invert(x: number): number } {
    const { low, high } = this.#props!;
    return scaleLinear([low, high], [MARGIN.left, Math.max(MARGIN.left + 1, this.#width - MARGIN.right)]);
  }

  #draw(): void {
    const props = this.#props;
    if (props === null || this.#width <= 0) return;
    // The rows that pass fill the height, however few they are; the greyed ones may go beyond it.
    const most = Math.max(1, ...props.shown);
    const y = scaleLinear([0, most], [this.#floor, MARGIN.top]);
    const x = this.#x();
    for (const name of ["all", "shown", "chosen"] as const) {
      this.#bars[name].setAttribute("d", bars(props[name], x(props.low), x(props.high), y));
    }
    this.#drawAxes(props, most, x, y);
    const cut = props.cut;
    this.#cut.style.display = cut === null ? "none" : "";
    if (cut === null) return;
    const inside = Math.max(props.low, Math.min(props.high, cut));
    this.#cut.setAttribute("transform", `translate(${x(inside)},0)`);
    for (const [name, value] of [
      ["valuemin", props.low],
      ["valuemax", props.high],
      ["valuenow", inside],
    ] as const)
      this.#cut.setAttribute(`aria-${name}`, String(value));
    this.#cut.setAttribute("aria-valuetext", `score ${scored(cut)}`);
    this.#cut.setAttribute("aria-disabled", String(props.fixed !== null));
  }

  #drawAxes(props: HistogramProps, most: number, x: (value: number) => number, y: (value: number) => number): void {
    const key = [this.#width, props.low, props.high, most, props.label, props.fixed].join();
    if (key === this.#axesDrawn) return;
    this.#axesDrawn = key;
    const ticks = scaleLinear([props.low, props.high], [0, 1]).ticks(Math.max(2, Math.floor(this.#width / 90)));
    const bottom = this.#floor;
    fill(
      this.#axes,
      s("line", { x1: MARGIN.left, x2: this.#width - MARGIN.right, y1: bottom, y2: bottom }),
      ...ticks.map((tick) =>
        s(
          "g",
          { transform: `translate(${x(tick)},${bottom})` },
          s("line", { y2: 4 }),
          s("text", { y: 15, "text-anchor": "middle" }, scored(tick)),
        ),
      ),
      ...scaleLinear([0, most], [0, 1])
        .ticks(3)
        .filter(Number.isInteger)
        .map((tick) =>
          s(
            "g",
            { transform: `translate(${MARGIN.left},${y(tick)})` },
            s("line", { x2: -4 }),
            s("text", { x: -7, dy: "0.32em", "text-anchor": "end" }, count(tick)),
          ),
        ),
    );
    this.#label.textContent = props.label;
    this.#label.setAttribute("x", String((MARGIN.left + this.#width - MARGIN.right) / 2));
    this.#label.setAttribute("y", String(this.#floor + MARGIN.bottom - 4));
    this.#svg.setAttribute("aria-label", `Histogram of the ${props.label}`);
    this.#cut.toggleAttribute("data-fixed", props.fixed !== null);
    this.#cut.querySelector("title")?.remove();
    if (props.fixed !== null) this.#cut.prepend(s("title", {}, props.fixed));
  }

  #press(event: PointerEvent): void {
    if (this.#props?.cut == null || this.#props.fixed !== null || event.button !== 0) return;
    event.preventDefault();
    this.#dragging = true;
    this.#svg.setPointerCapture(event.pointerId);
    this.#cut.focus();
    this.#move(event, false);
  }

  #move(event: PointerEvent, done: boolean): void {
    const { low, high } = this.#props!;
    const x = event.clientX - this.#svg.getBoundingClientRect().left;
    this.handlers.cut(Math.max(low, Math.min(high, this.#x().invert(x))), done);
  }

  #key(event: KeyboardEvent): void {
    const props = this.#props;
    if (props?.cut == null || props.fixed !== null) return;
    const step = ((props.high - props.low) / STEPS) * (event.shiftKey ? 10 : 1);
    const moves: Record<string, number> = {
      ArrowLeft: props.cut - step,
      ArrowDown: props.cut - step,
      ArrowRight: props.cut + step,
      ArrowUp: props.cut + step,
      PageDown: props.cut - 10 * step,
      PageUp: props.cut + 10 * step,
      Home: props.low,
      End: props.high,
    };
    const value = moves[event.key];
    if (value === undefined) return;
    event.preventDefault();
    this.handlers.cut(Math.max(props.low, Math.min(props.high, value)), true);
  }
}

/** One path for all bars, so that a frame changes one attribute. */
function bars(counts: Uint32Array, left: number, right: number, y: (count: number) => number): string {
  const step = (right - left) / counts.length;
  const width = Math.max(0.5, step - 0.75);
  const floor = y(0);
  let path = "";
  counts.forEach((count, i) => {
    if (count === 0) return;
    const height = Math.max(1, floor - Math.max(y(count), MARGIN.top - 4)); // a single row can be seen, too
    path += `M${(left + i * step).toFixed(1)},${floor.toFixed(1)}v${(-height).toFixed(1)}h${width.toFixed(1)}v${height.toFixed(1)}z`;
  });
  return path;
}

function legend(): HTMLElement {
  const entry = (name: string, text: string): HTMLElement =>
    h("span", { class: "nait-histogram-entry" }, h("i", { class: `nait-histogram-swatch-${name}` }), text);
  return h(
    "span",
    { class: "nait-muted" },
    entry("chosen", "chosen"),
    entry("shown", "shown"),
    entry("all", "filtered out"),
  );
}
