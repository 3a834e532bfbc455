/** The rows inside a polygon that was drawn on a map. */

import { OUTSIDE, type Raster } from "./raster";

/** What a lasso does to the rows that were lassoed before. */
export type LassoMode = "replace" | "add" | "subtract";

/** A corner, in pixels from the top left. */
export type Corner = readonly [x: number, y: number];

/**
 * The pixels whose centre a closed polygon winds around, 1 each, row by row. By the non-zero rule: where the line
 * crosses itself in circling the same samples twice, they are inside.
 */
export function polygonMask(polygon: readonly Corner[], width: number, height: number): Uint8Array {
  // Where an edge crosses the line through the centres of a row of pixels, the winding number changes from there on.
  const changes = new Int32Array(width * height);
  let [x0, y0] = polygon.at(-1) ?? [0, 0];
  for (const [x1, y1] of polygon) {
    const turn = y1 > y0 ? 1 : -1;
    const first = Math.max(0, Math.ceil(Math.min(y0, y1) - 0.5));
    const last = Math.min(height, Math.ceil(Math.max(y0, y1) - 0.5));
    for (let line = first; line < last; line++) {
      const x = x0 + ((line + 0.5 - y0) / (y1 - y0)) * (x1 - x0);
      const column = Math.max(0, Math.ceil(x - 0.5));
      if (column < width) changes[line * width + column]! += turn;
    }
    [x0, y0] = [x1, y1];
  }
  const mask = new Uint8Array(width * height);
  for (let line = 0; line < height; line++) {
    let winding = 0;
    for (let pixel = line * width; pixel < (line + 1) * width; pixel++) {
      winding += changes[pixel]!;
      if (winding !== 0) mask[pixel] = 1;
    }
  }
  return mask;
}

/** The rows in the pixels of a mask, ascending. */
export function rowsInside({ pixelOf }: Raster, mask: Uint8Array): Int32Array {
  const inside = (pixel: number): boolean => pixel !== OUTSIDE && mask[pixel] === 1;
  let count = 0;
  for (let i = 0; i < pixelOf.length; i++) if (inside(pixelOf[i]!)) count++;
  const rows = new Int32Array(count);
  let at = 0;
  for (let i = 0; at < count; i++) if (inside(pixelOf[i]!)) rows[at++] = i;
  return rows;
}
