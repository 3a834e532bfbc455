/** The part of the plane that a map shows, and how it is moved about in. */

/** Places of rows; NaN where a row has none. */
export interface Points {
  readonly x: Float32Array;
  readonly y: Float32Array;
}

/** A rectangle of the plane, in the units of the points; `bottom` is its lowest y. */
export interface Viewport {
  readonly left: number;
  readonly bottom: number;
  readonly width: number;
  readonly height: number;
}

const MARGIN = 0.04;
const CLOSEST = 1e-4;

/** The rectangle around all the points, with a margin; null where no row has a place. */
export function fit({ x, y }: Points): Viewport | null {
  let [left, right, bottom, top] = [Infinity, -Infinity, Infinity, -Infinity];
  for (let i = 0; i < x.length; i++) {
    if (!isPlaced(x[i]!, y[i]!)) continue;
    if (x[i]! < left) left = x[i]!;
    if (x[i]! > right) right = x[i]!;
    if (y[i]! < bottom) bottom = y[i]!;
    if (y[i]! > top) top = y[i]!;
  }
  if (left > right) return null;
  const across = right - left || 1;
  const up = top - bottom || 1;
  return {
    left: (left + right) / 2 - across * (0.5 + MARGIN),
    bottom: (bottom + top) / 2 - up * (0.5 + MARGIN),
    width: across * (1 + 2 * MARGIN),
    height: up * (1 + 2 * MARGIN),
  };
}

/** Rows that have a place. */
export function countPlaced({ x, y }: Points): number {
  let count = 0;
  for (let i = 0; i < x.length; i++) if (isPlaced(x[i]!, y[i]!)) count++;
  return count;
}

/** Zoom in by a factor (out, below 1) about a point that stays where it is: shares of the width and, from below, of the
 * height. Never wider than `home`, the rectangle around everything. */
export function zoomed(now: Viewport, home: Viewport, factor: number, acrossShare: number, upShare: number): Viewport {
  const zoom = Math.min(1 / CLOSEST, Math.max(1, (home.width / now.width) * factor));
  const width = home.width / zoom;
  const height = home.height / zoom;
  const left = now.left + (now.width - width) * acrossShare;
  const bottom = now.bottom + (now.height - height) * upShare;
  return kept({ left, bottom, width, height }, home);
}

/** Move over the plane by shares of the width and of the height. The middle stays inside `home`. */
export function panned(now: Viewport, home: Viewport, acrossShare: number, upShare: number): Viewport {
  const left = now.left + now.width * acrossShare;
  const bottom = now.bottom + now.height * upShare;
  return kept({ ...now, left, bottom }, home);
}

function kept(view: Viewport, home: Viewport): Viewport {
  const clamp = (low: number, size: number, from: number, range: number): number =>
    Math.min(from + range, Math.max(from, low + size / 2)) - size / 2;
  return {
    ...view,
    left: clamp(view.left, view.width, home.left, home.width),
    bottom: clamp(view.bottom, view.height, home.bottom, home.height),
  };
}

function isPlaced(x: number, y: number): boolean {
  return Number.isFinite(x) && Number.isFinite(y);
}
