/** What a pointer and the keys do on the map: move, zoom, pick, and draw a lasso. */

import { count } from "../core/amounts";
import type { Corner, LassoMode } from "../core/lasso";
import { fill, s } from "./dom";
import { framed, type Host } from "./host";
import { ZOOM_STEP, type Tools } from "./scatter_tools";

/** What gestures are done to. Distances are CSS pixels from the canvas's top left. */
export interface Gestured {
  pan(right: number, down: number): void;
  /** False where there is no zooming any further. */
  zoom(factor: number, x: number, y: number): boolean;
  reset(): void;
  /** The pointer is here, or nowhere. */
  hover(at: Corner | null): void;
  pick(x: number, y: number): void;
  /** Pick what is nearest to the middle, however far. */
  pickMiddle(): void;
  /** How many samples a polygon would catch. */
  count(polygon: readonly Corner[]): number;
  lasso(polygon: readonly Corner[], mode: LassoMode): void;
}

interface Drag {
  kind: "pan" | "lasso";
  mode: LassoMode;
  corners: Corner[];
  /** Whether the pointer went far enough for it not to be a click. */
  moved: boolean;
}

interface Box {
  x: number;
  y: number;
  width: number;
  height: number;
}

const CLICK = 4;
const STEP = 10;
const PAN_SHARE = 0.1;
const ARROWS: Record<string, [right: number, down: number]> = {
  ArrowLeft: [-1, 0],
  ArrowRight: [1, 0],
  ArrowUp: [0, -1],
  ArrowDown: [0, 1],
};

export class Gestures {
  /** Lies over the canvas and shows what is being drawn. */
  readonly overlay = s("svg", { class: "nait-scatter-overlay", "aria-hidden": "true" });
  #drag: Drag | null = null;
  #box: Box | null = null;

  constructor(
    private readonly host: Host,
    private readonly canvas: HTMLCanvasElement,
    private readonly tools: Tools,
    private readonly map: Gestured,
  ) {
    const { signal } = host;
    const hover = framed(signal, (at: Corner | null) => map.hover(at));
    canvas.addEventListener("pointerdown", (event) => this.#press(event), { signal });
    canvas.addEventListener(
      "pointermove",
      (event) => {
        if (this.#drag === null) hover(place(event));
        else this.#move(this.#drag, place(event));
      },
      { signal },
    );
    canvas.addEventListener("pointerup", (event) => this.#release(place(event)), { signal });
    canvas.addEventListener("pointercancel", () => this.cancel(), { signal });
    canvas.addEventListener("pointerleave", () => hover(null), { signal });
    canvas.addEventListener("wheel", (event) => this.#wheel(event), { signal, passive: false });
    canvas.addEventListener(
      "keydown",
      (event) => {
        if (event.ctrlKey || event.metaKey || !this.#key(event)) return;
        // Neither the page scrolls nor does the notebook take the key for one of its own.
        event.preventDefault();
        event.stopPropagation();
      },
      { signal },
    );
  }

  /** Give up what is being drawn. False where nothing was. */
  cancel(): boolean {
    if (this.#drag === null && this.#box === null) return false;
    this.#drag = null;
    this.#box = null;
    this.#outline([]);
    return true;
  }

  #press(event: PointerEvent): void {
    if (event.button !== 0 || !event.isPrimary) return;
    this.cancel();
    this.canvas.setPointerCapture(event.pointerId);
    this.map.hover(null);
    const lassoing = this.tools.tool === "lasso";
    const kind = lassoing || event.shiftKey ? "lasso" : "pan";
    // In the other tool Shift is what makes it a lasso, and the mode of lassos is out of sight.
    const asked = lassoing ? this.tools.mode : "replace";
    const mode = event.altKey ? "subtract" : event.shiftKey && lassoing ? "add" : asked;
    this.#drag = { kind, mode, corners: [place(event)], moved: false };
  }

  #move(drag: Drag, to: Corner): void {
    const from = drag.corners.at(-1)!;
    const [right, down] = [to[0] - from[0], to[1] - from[1]];
    if (!drag.moved && Math.hypot(right, down) < CLICK) return;
    drag.moved = true;
    if (drag.kind === "pan") {
      drag.corners = [to];
      this.map.pan(right, down);
    } else {
      drag.corners.push(to);
      this.#outline(drag.corners, drag.mode);
    }
  }

  #release(at: Corner): void {
    const drag = this.#drag;
    this.cancel();
    if (drag === null) return;
    if (!drag.moved) this.map.pick(...at);
    else if (drag.kind === "lasso") this.map.lasso(drag.corners, drag.mode);
  }

  /** Only a wheel that is meant for the map zooms it: the notebook must still scroll. */
  #wheel(event: WheelEvent): void {
    if (!event.ctrlKey && !this.canvas.matches(":focus")) return;
    const pixels = event.deltaMode === WheelEvent.DOM_DELTA_PIXEL ? event.deltaY : 33 * event.deltaY;
    const speed = event.ctrlKey ? 0.01 : 0.004; // pinching a touch pad comes as small steps with Ctrl
    const factor = Math.exp(-speed * Math.min(50, Math.max(-50, pixels)));
    if (this.map.zoom(factor, ...place(event)) || event.ctrlKey) event.preventDefault();
  }

  /** Act on a key; false for one that means nothing here. */
  #key(event: KeyboardEvent): boolean {
    const { clientWidth: width, clientHeight: height } = this.canvas;
    const arrow = ARROWS[event.key];
    if (arrow !== undefined) {
      if (this.tools.tool === "lasso") this.#shape(arrow, event.shiftKey);
      else this.map.pan(-arrow[0] * PAN_SHARE * width, -arrow[1] * PAN_SHARE * height);
      return true;
    }
    switch (event.key) {
      case "l":
      case "L":
        this.tools.choose(this.tools.tool === "lasso" ? "pan" : "lasso");
        return true;
      case "+":
      case "=":
        this.map.zoom(ZOOM_STEP, width / 2, height / 2);
        return true;
      case "-":
        this.map.zoom(1 / ZOOM_STEP, width / 2, height / 2);
        return true;
      case "0":
        this.map.reset();
        return true;
      case "Enter":
        this.#enter(event);
        return true;
      case "Escape":
        this.map.hover(null);
        if (this.cancel()) this.host.announce("Lasso given up.");
        else if (this.tools.tool === "lasso") this.tools.choose("pan");
        else return false;
        return true;
      default:
        return false;
    }
  }

  #enter(event: KeyboardEvent): void {
    const box = this.#box;
    if (box !== null) {
      this.cancel();
      this.map.lasso(corners(box), event.altKey ? "subtract" : event.shiftKey ? "add" : this.tools.mode);
    } else if (this.tools.tool === "pan") this.map.pickMiddle();
  }

  /** Move the keyboard's lasso, a box, or size it by its lower right corner. */
  #shape([right, down]: [number, number], size: boolean): void {
    const { clientWidth: width, clientHeight: height } = this.canvas;
    const box = (this.#box ??= { x: width / 3, y: height / 3, width: width / 3, height: height / 3 });
    if (size) {
      box.width = clamp(box.width + STEP * right, STEP, width - box.x);
      box.height = clamp(box.height + STEP * down, STEP, height - box.y);
    } else {
      box.x = clamp(box.x + STEP * right, 0, width - box.width);
      box.y = clamp(box.y + STEP * down, 0, height - box.height);
    }
    const polygon = corners(box);
    this.#outline(polygon, this.tools.mode);
    this.host.announce(`${count(this.map.count(polygon))} samples in the box. Enter applies, Escape gives up.`);
  }

  #outline(polygon: readonly Corner[], mode: LassoMode = "replace"): void {
    const shape = s("polygon", { points: polygon.map((corner) => corner.join()).join(" "), "data-mode": mode });
    fill(this.overlay, polygon.length > 0 && shape);
  }
}

function place(event: MouseEvent): Corner {
  return [event.offsetX, event.offsetY];
}

function corners({ x, y, width, height }: Box): Corner[] {
  return [
    [x, y],
    [x + width, y],
    [x + width, y + height],
    [x, y + height],
  ];
}

function clamp(value: number, low: number, high: number): number {
  return Math.min(high, Math.max(low, value));
}
