/** Rows sorted into the pixels of a map: what drawing, pointing and lassoing look things up in. */

import type { Points, Viewport } from "./viewport";

/** Stands for the pixel of a row that isn't in view. */
export const OUTSIDE = 0xffffffff;

/** Bits of a row's state: the lowest two say greyed, shown or chosen. */
export const CHOSEN = 2;
export const PINNED = 4;
export const EXCLUDED = 8;
export const LAYER = 3;

/**
 * The rows in view by pixel, in compressed sparse rows: pixel `pixels[k]` (y · width + x from the top left) holds
 * `rows[starts[k]] … rows[starts[k + 1] - 1]`, ascending, for k below `occupied`. The arrays are used again by the next
 * `place`, and are longer than what they hold.
 */
export class Raster {
  width = 0;
  height = 0;
  /** How many pixels hold rows. */
  occupied = 0;
  /** How many rows are in view. */
  inView = 0;
  /** The most rows in one pixel. */
  fullest = 0;
  pixels = new Uint32Array(0);
  starts = new Uint32Array(1);
  rows = new Uint32Array(0);
  /** The pixel of each row, or `OUTSIDE`. */
  pixelOf = new Uint32Array(0);
  #counts = new Uint32Array(0);

  /** Sort the rows into the pixels of a map of this size. */
  place({ x, y }: Points, view: Viewport, width: number, height: number): void {
    const size = width * height;
    this.#allocate(x.length, size);
    this.width = width;
    this.height = height;
    const { pixels, starts, rows } = this;
    const counts = this.#counts;
    const pixelOf = this.pixelOf;
    const across = width / view.width;
    const down = height / view.height;
    const top = view.bottom + view.height;
    for (let i = 0; i < x.length; i++) {
      const column = (x[i]! - view.left) * across;
      const line = (top - y[i]!) * down;
      // Not so for NaN, either.
      if (column >= 0 && column < width && line >= 0 && line < height) {
        const pixel = (line | 0) * width + (column | 0);
        pixelOf[i] = pixel;
        counts[pixel]!++;
      } else pixelOf[i] = OUTSIDE;
    }
    let occupied = 0;
    let at = 0;
    let fullest = 0;
    for (let pixel = 0; pixel < size; pixel++) {
      const count = counts[pixel]!;
      if (count === 0) continue;
      pixels[occupied] = pixel;
      starts[occupied++] = at;
      counts[pixel] = at; // from here on: where the pixel's next row goes
      at += count;
      if (count > fullest) fullest = count;
    }
    starts[occupied] = at;
    for (let i = 0; i < x.length; i++) {
      const pixel = pixelOf[i]!;
      if (pixel !== OUTSIDE) rows[counts[pixel]!++] = i;
    }
    this.occupied = occupied;
    this.inView = at;
    this.fullest = fullest;
  }

  /** Where in `pixels` the first one not below this pixel is. */
  seek(pixel: number): number {
    let low = 0;
    let high = this.occupied;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.pixels[middle]! < pixel) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /**
   * The row drawn nearest to a point, and how many rows lie in its pixel; null where none is within the radius. Of rows
   * in one pixel it is the one that is drawn on top: a chosen one before a shown one before a greyed one.
   */
  nearest(x: number, y: number, radius: number, state: Uint8Array): { row: number; count: number } | null {
    let best = -1;
    let least = radius * radius;
    const left = Math.max(0, Math.floor(x - radius));
    const right = Math.min(this.width - 1, Math.floor(x + radius));
    const top = Math.max(0, Math.floor(y - radius));
    const bottom = Math.min(this.height - 1, Math.floor(y + radius));
    for (let line = top; line <= bottom; line++) {
      const first = line * this.width;
      for (let k = this.seek(first + left); k < this.occupied && this.pixels[k]! <= first + right; k++) {
        const distance = (this.pixels[k]! - first + 0.5 - x) ** 2 + (line + 0.5 - y) ** 2;
        if (distance > least || (distance === least && best >= 0)) continue;
        least = distance;
        best = k;
      }
    }
    if (best < 0) return null;
    const rows = this.rows.subarray(this.starts[best], this.starts[best + 1]);
    const row = rows.reduce((top, each) => ((state[each]! & LAYER) > (state[top]! & LAYER) ? each : top));
    return { row, count: rows.length };
  }

  #allocate(length: number, size: number): void {
    if (this.pixelOf.length !== length) {
      this.pixelOf = new Uint32Array(length);
      this.rows = new Uint32Array(length);
    }
    if (this.#counts.length < size) this.#counts = new Uint32Array(size);
    else this.#counts.fill(0, 0, size);
    const occupied = Math.min(length, size);
    if (this.pixels.length < occupied) {
      this.pixels = new Uint32Array(occupied);
      this.starts = new Uint32Array(occupied + 1);
    }
  }
}
