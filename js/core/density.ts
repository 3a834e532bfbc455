/** Points counted in the cells of a grid. */

export type Range = readonly [low: number, high: number];

/** The least and the largest of some numbers; a range of their own where they are all the same, or none. */
export function rangeOf(values: ArrayLike<number>): Range {
  let [low, high] = [Infinity, -Infinity];
  for (let i = 0; i < values.length; i++) {
    low = Math.min(low, values[i]!);
    high = Math.max(high, values[i]!);
  }
  if (low > high) return [0, 1];
  return low === high ? [low - 0.5, high + 0.5] : [low, high];
}

/** Points in each cell, the lowest line first: (line, column). The upper ends belong to the last cells. */
export function density(
  x: ArrayLike<number>,
  y: ArrayLike<number>,
  [left, right]: Range,
  [bottom, top]: Range,
  columns: number,
  lines: number,
): Uint32Array {
  const counts = new Uint32Array(columns * lines);
  const cell = (share: number, cells: number): number => Math.min(cells - 1, Math.floor(share * cells));
  for (let i = 0; i < x.length; i++) {
    const across = (x[i]! - left) / (right - left);
    const up = (y[i]! - bottom) / (top - bottom);
    if (across >= 0 && across <= 1 && up >= 0 && up <= 1) counts[cell(up, lines) * columns + cell(across, columns)]!++;
  }
  return counts;
}
