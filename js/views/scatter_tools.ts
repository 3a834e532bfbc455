/** The buttons of the map: what dragging does, what a lasso does, how near the map is. */

import type { LassoMode } from "../core/lasso";
import { button } from "./controls";
import { h } from "./dom";
import type { View } from "./host";

export type Tool = "pan" | "lasso";

/** What the buttons do to the map. */
export interface ToolHandlers {
  chosen(tool: Tool): void;
  zoom(factor: number): void;
  reset(): void;
  clearLasso(): void;
}

/** One step of zooming by button or key. */
export const ZOOM_STEP = 1.5;

const MODES: [mode: LassoMode, name: string, title: string][] = [
  ["replace", "Replace", "The lasso replaces what was lassoed before"],
  ["add", "Add", "The lasso adds to what was lassoed before (or hold Shift)"],
  ["subtract", "Subtract", "The lasso takes away from what was lassoed before (or hold Alt)"],
];

export class Tools implements View {
  readonly element: HTMLElement;
  /** Has its place on the map, which so stays where it is when the button comes and goes. */
  readonly clear: HTMLElement;
  tool: Tool = "pan";
  mode: LassoMode = "replace";
  readonly #tools: Map<Tool, HTMLElement>;
  readonly #modes: Map<LassoMode, HTMLElement>;
  readonly #modeGroup: HTMLElement;

  constructor(private readonly handlers: ToolHandlers) {
    this.#tools = new Map([
      ["pan", button("Move", "Drag to move the map", () => this.choose("pan"))],
      ["lasso", button("Lasso", "Draw around samples (L)", () => this.choose("lasso"))],
    ]);
    this.#modes = new Map(MODES.map(([mode, name, title]) => [mode, button(name, title, () => this.#setMode(mode))]));
    this.#modeGroup = group("What the lasso does", ...this.#modes.values());
    this.clear = button("Clear lasso", "Bring back what the lasso left out", () => handlers.clearLasso());
    this.element = h(
      "div",
      { class: "nait-scatter-tools" },
      group("What dragging does", ...this.#tools.values()),
      this.#modeGroup,
      group(
        "Zoom",
        sign("−", "Zoom out (−)", () => handlers.zoom(1 / ZOOM_STEP)),
        sign("+", "Zoom in (+)", () => handlers.zoom(ZOOM_STEP)),
        button("Reset", "Show everything (0)", () => handlers.reset()),
      ),
    );
    this.clear.classList.add("nait-scatter-clear");
    this.update(false);
    this.#showTool();
    this.#setMode(this.mode);
  }

  update(lassoed: boolean): void {
    this.clear.hidden = !lassoed;
  }

  choose(tool: Tool): void {
    this.tool = tool;
    this.#showTool();
    this.handlers.chosen(tool);
  }

  #showTool(): void {
    press(this.#tools, this.tool);
    this.#modeGroup.hidden = this.tool !== "lasso";
  }

  #setMode(mode: LassoMode): void {
    this.mode = mode;
    press(this.#modes, mode);
  }
}

function press<K>(buttons: Map<K, HTMLElement>, pressed: K): void {
  for (const [key, element] of buttons) element.setAttribute("aria-pressed", String(key === pressed));
}

function group(label: string, ...buttons: HTMLElement[]): HTMLElement {
  return h("span", { role: "group", "aria-label": label, class: "nait-scatter-group" }, ...buttons);
}

/** A button whose sign alone says too little. */
function sign(text: string, title: string, press: () => void): HTMLElement {
  const made = button(text, title, press);
  made.setAttribute("aria-label", title);
  return made;
}
