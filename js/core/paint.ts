/** From the rows of each pixel to its colour, and from there to the picture. */

import { MOST_LABELS, NO_SCORE } from "./palette";
import { CHOSEN, EXCLUDED, LAYER, PINNED, type Raster } from "./raster";

/** What colours mean: how many rows there are, or the mean score or the commonest label (a key for each row). */
export type Shading =
  | { readonly by: "selection"; readonly palette: Uint32Array }
  | { readonly by: "score" | "label"; readonly palette: Uint32Array; readonly keys: Uint8Array };

/** What is in view. */
export interface Tally {
  readonly greyed: number;
  readonly shown: number;
  readonly chosen: number;
  readonly pinned: number;
  readonly excluded: number;
  /** Positions in `Raster.pixels` of those with pinned or excluded rows: no more than `MOST_MARKS`. */
  readonly marks: readonly { readonly at: number; readonly state: number }[];
}

export const MOST_MARKS = 1000;

/** From this many rows in a pixel on, its colour has its full strength. */
const MANY = 4096;

/** The colours of one raster's pixels. */
export class Paint {
  #colours = new Uint32Array(0);
  #layers = new Uint8Array(0);
  #states = new Uint8Array(0);
  #keys = new Uint8Array(0);
  #strengths = new Uint8Array(MANY + 1);
  #votes = new Uint32Array(MOST_LABELS);

  /**
   * Give each pixel the colour of its top layer: chosen rows hide shown ones, those hide greyed ones.
   *
   * @param faintest The strength, up to 1, of a single row where others share their pixel.
   */
  shade(raster: Raster, state: Uint8Array, shading: Shading, faintest: number): Tally {
    const { occupied, starts, rows, inView } = raster;
    this.#allocate(occupied, inView);
    this.#grade(raster.fullest, faintest);
    const { by, palette } = shading;
    const colours = this.#colours;
    const layers = this.#layers;
    const states = this.#states;
    const strengths = this.#strengths;
    // Gathered in one sweep: what follows then reads memory in order.
    gather(state, rows, inView, states);
    if (by !== "selection") gather(shading.keys, rows, inView, this.#keys);
    let [allShown, allChosen, pinned, excluded] = [0, 0, 0, 0];
    const marks: Tally["marks"][number][] = [];
    for (let k = 0; k < occupied; k++) {
      const from = starts[k]!;
      const to = starts[k + 1]!;
      let shown = 0;
      let chosen = 0;
      let any = 0;
      for (let j = from; j < to; j++) {
        const bits = states[j]!;
        shown += bits & 1;
        chosen += (bits & CHOSEN) >> 1;
        any |= bits;
      }
      allShown += shown;
      allChosen += chosen;
      const layer = chosen > 0 ? 2 : shown > 0 ? 1 : 0;
      let key: number;
      if (by === "selection" || layer === 0) {
        const count = layer === 2 ? chosen : layer === 1 ? shown : to - from;
        key = strengths[count < MANY ? count : MANY]!;
      } else key = by === "score" ? this.#mean(from, to, layer) : this.#commonest(from, to, layer);
      layers[k] = layer;
      colours[k] = palette[(layer << 8) | key]!;
      if ((any & (PINNED | EXCLUDED)) === 0) continue;
      for (let j = from; j < to; j++) {
        if (states[j]! & PINNED) pinned++;
        if (states[j]! & EXCLUDED) excluded++;
      }
      if (marks.length < MOST_MARKS) marks.push({ at: k, state: any });
    }
    const greyed = inView - allShown - allChosen;
    return { greyed, shown: allShown, chosen: allChosen, pinned, excluded, marks };
  }

  /**
   * Draw every pixel as a dot, layer upon layer, into a picture of the raster's size.
   *
   * @param diameters Of the dots of greyed, shown and chosen rows.
   */
  stamp({ pixels, occupied, width, height }: Raster, picture: Uint32Array, diameters: readonly number[]): void {
    const colours = this.#colours;
    const layers = this.#layers;
    if (diameters.every((diameter) => diameter === 1)) {
      for (let k = 0; k < occupied; k++) picture[pixels[k]!] = colours[k]!;
      return;
    }
    for (let layer = 0; layer <= 2; layer++) {
      const { across, down } = disc(diameters[layer]!);
      let line = 0;
      for (let k = 0; k < occupied; k++) {
        if (layers[k] !== layer) continue;
        const pixel = pixels[k]!;
        while (pixel >= (line + 1) * width) line++;
        const column = pixel - line * width;
        for (let i = 0; i < across.length; i++) {
          const x = column + across[i]!;
          const y = line + down[i]!;
          if (x >= 0 && x < width && y >= 0 && y < height) picture[y * width + x] = colours[k]!;
        }
      }
    }
  }

  /** The mean key of a layer's rows that have a score. */
  #mean(from: number, to: number, layer: number): number {
    const states = this.#states;
    const keys = this.#keys;
    let sum = 0;
    let count = 0;
    for (let j = from; j < to; j++) {
      const counted = equal(states[j]! & LAYER, layer) & (1 - equal(keys[j]!, NO_SCORE));
      sum += counted * keys[j]!;
      count += counted;
    }
    return count > 0 ? Math.round(sum / count) : NO_SCORE;
  }

  /** The commonest key of a layer's rows; of equals the lowest. */
  #commonest(from: number, to: number, layer: number): number {
    const states = this.#states;
    const keys = this.#keys;
    const votes = this.#votes;
    for (let j = from; j < to; j++) votes[keys[j]!]! += equal(states[j]! & LAYER, layer);
    let best = 0;
    let most = 0;
    for (let key = 0; key < MOST_LABELS; key++) {
      const count = votes[key]!;
      if (count > most) [best, most] = [key, count];
      votes[key] = 0;
    }
    return best;
  }

  /** The strength of each count, up to that of the fullest pixel: log scaled. */
  #grade(fullest: number, faintest: number): void {
    const most = Math.log(Math.min(fullest, MANY));
    for (let count = 1; count <= MANY; count++) {
      const share = most > 0 ? Math.min(1, Math.log(count) / most) : 1;
      this.#strengths[count] = Math.round(255 * (faintest + (1 - faintest) * share));
    }
  }

  #allocate(occupied: number, inView: number): void {
    if (this.#colours.length < occupied) {
      this.#colours = new Uint32Array(occupied);
      this.#layers = new Uint8Array(occupied);
    }
    if (this.#states.length < inView) {
      this.#states = new Uint8Array(inView);
      this.#keys = new Uint8Array(inView);
    }
  }
}

function gather(from: Uint8Array, at: Uint32Array, count: number, into: Uint8Array): void {
  for (let j = 0; j < count; j++) into[j] = from[at[j]!]!;
}

/** 1 for equal bytes, else 0. Without a branch: what a row's state is can't be foreseen, and a wrong guess costs more. */
function equal(a: number, b: number): number {
  return ((a ^ b) - 1) >>> 31;
}

/** The pixels of a disc, about the one it marks. */
function disc(diameter: number): { across: Int32Array; down: Int32Array } {
  const across: number[] = [];
  const down: number[] = [];
  const middle = (diameter - 1) / 2;
  for (let y = 0; y < diameter; y++) {
    for (let x = 0; x < diameter; x++) {
      // The quarter rounds small discs: none has single pixels sticking out.
      if ((x - middle) ** 2 + (y - middle) ** 2 > (diameter / 2) ** 2 - 0.25) continue;
      across.push(x - (diameter >> 1));
      down.push(y - (diameter >> 1));
    }
  }
  return { across: Int32Array.from(across), down: Int32Array.from(down) };
}
