/**
 * Which rows of a long list are in view, and where its scroll bar stands.
 *
 * A browser's elements can't be higher than some 8 million pixels on every screen (33 million device pixels in
 * Chromium, 18 in Firefox, and a screen may have several to a pixel of ours). A longer list has a shorter track: the
 * scroll bar then stands for a share of the list, while small steps still move the rows by just as many pixels.
 *
 * `top` is the distance in pixels from the list's beginning to the view's upper edge, `scroll` the track's scrollTop.
 */

export const MAX_TRACK = 8_000_000;

/** A list of rows of one height behind a view. */
export interface Extent {
  readonly rows: number;
  readonly rowHeight: number;
  /** Height of the view, in pixels. */
  readonly view: number;
}

/** Positions [first, end) in the list. */
export interface Range {
  first: number;
  end: number;
}

/** Height of the element to scroll. */
export function trackHeight({ rows, rowHeight }: Extent): number {
  return Math.min(rows * rowHeight, MAX_TRACK);
}

/** The lowest `top`. */
export function lastTop({ rows, rowHeight, view }: Extent): number {
  return Math.max(0, rows * rowHeight - view);
}

/** Where the track must stand for a `top`. */
export function scrollFor(extent: Extent, top: number): number {
  const range = lastTop(extent);
  return range === 0 ? 0 : (top / range) * lastScroll(extent);
}

/** The `top` after the track was scrolled from one place to another. */
export function scrolled(extent: Extent, top: number, from: number, to: number): number {
  const end = lastTop(extent);
  const lowest = lastScroll(extent);
  if (end === lowest) return clamp(to, 0, end);
  if (Math.abs(to - from) > 4 * extent.view) return clamp((to / lowest) * end, 0, end);
  // A short track ends before the list does: without a last leap its ends would come nearer and nearer, never there.
  if (to <= 0 && top <= extent.view) return 0;
  if (to >= lowest - 1 && end - top <= extent.view) return end;
  return clamp(top + to - from, 0, end);
}

/** The `top` that brings a position into view with the least movement. */
export function revealed(extent: Extent, top: number, position: number): number {
  const upper = position * extent.rowHeight;
  const lower = upper + extent.rowHeight - extent.view;
  return clamp(Math.min(Math.max(top, lower), upper), 0, lastTop(extent));
}

/** The positions that the view shows, in part at least. */
export function inView({ rows, rowHeight, view }: Extent, top: number): Range {
  return {
    first: Math.min(rows, Math.floor(top / rowHeight)),
    end: Math.min(rows, Math.ceil((top + view) / rowHeight)),
  };
}

/** A range and a margin around it, in whole pages, so that slow scrolling asks for a page now and then. */
export function inPages({ rows }: Extent, { first, end }: Range, margin: number, page: number): Range {
  return {
    first: Math.max(0, Math.floor((first - margin) / page) * page),
    end: Math.min(rows, Math.ceil((end + margin) / page) * page),
  };
}

function lastScroll(extent: Extent): number {
  return Math.max(0, trackHeight(extent) - extent.view);
}

function clamp(value: number, low: number, high: number): number {
  return Math.min(Math.max(value, low), high);
}
