/** From what the map's colours should mean, and the theme, to what drawing and the legend need. */

import type { Shading } from "../core/paint";
import {
  colour,
  group,
  labelPalette,
  quantise,
  scorePalette,
  selectionPalette,
  type Inks,
  type Palette,
} from "../core/palette";
import { h } from "./dom";
import type { Meaning } from "./scatter_legend";

/** What colours mean. Arrays are compared by identity: other values need another array. */
export type ScatterColour =
  | { by: "selection" }
  | { by: "score"; values: Float64Array; label: string }
  | { by: "label"; codes: Uint8Array; names: string[]; label: string };

/** The colours of rows and their legend. */
export function shade(color: ScatterColour, inks: Inks): { shading: Shading; meaning: Meaning } {
  if (color.by === "selection")
    return { shading: { by: "selection", palette: selectionPalette(inks) }, meaning: color };
  const { by, label } = color;
  if (color.by === "score") {
    const { keys, low, high } = quantise(color.values);
    return { shading: { by, palette: scorePalette(inks), keys }, meaning: { by: "score", label, low, high } };
  }
  const { keys, names } = group(color.codes, color.names);
  return { shading: { by, palette: labelPalette(inks), keys }, meaning: { by: "label", label, names } };
}

/** Whether the colours need no other tables. */
export function isSame(a: ScatterColour, b: ScatterColour): boolean {
  if (a.by === "selection" || b.by === "selection") return a.by === b.by;
  if (a.by === "score" && b.by === "score") return a.values === b.values && a.label === b.label;
  return a.by === "label" && b.by === "label" && a.codes === b.codes && a.label === b.label;
}

/** The theme's colours, whichever way its style sheet writes them. */
export function readInks(element: Element, scores: Palette): Inks {
  const style = getComputedStyle(element);
  const context = h("canvas", { width: 1, height: 1 }).getContext("2d", { willReadFrequently: true });
  if (context === null) throw new Error("This browser can't draw the map.");
  const read = (name: string): number => {
    for (const each of ["background", name]) {
      context.fillStyle = style.getPropertyValue(`--nait-${each}`).trim(); // may let the background through
      context.fillRect(0, 0, 1, 1);
    }
    const [red, green, blue] = context.getImageData(0, 0, 1, 1).data;
    return colour(red!, green!, blue!);
  };
  return {
    scores,
    background: read("background"),
    text: read("text"),
    greyed: read("greyed"),
    shown: read("shown"),
    chosen: read("chosen"),
  };
}
