import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Extent, inPages, inView, lastTop, MAX_TRACK, revealed, scrolled, scrollFor, trackHeight } from "./window";

const short: Extent = { rows: 52_002, rowHeight: 28, view: 336 };
const long: Extent = { rows: 1_000_000, rowHeight: 28, view: 336 };

const extents = fc.record({
  rows: fc.integer({ min: 0, max: 2_000_000 }),
  rowHeight: fc.constant(28),
  view: fc.integer({ min: 1, max: 2000 }),
});
const share = fc.double({ min: 0, max: 1, noNaN: true });

describe("scrolling", () => {
  it("is the browser's own while the list fits the track", () => {
    expect(trackHeight(short)).toBe(52_002 * 28);
    expect(scrolled(short, 0, 0, 12_345)).toBe(12_345);
    expect(scrollFor(short, 12_345)).toBeCloseTo(12_345);
  });

  it("spans a longer list: a drag of the bar by its share, a small step by its pixels", () => {
    expect(trackHeight(long)).toBe(MAX_TRACK);
    const middle = scrolled(long, 0, 0, (MAX_TRACK - long.view) / 2);
    expect(middle).toBeCloseTo(lastTop(long) / 2);
    expect(scrolled(long, middle, 1000, 1100)).toBe(middle + 100);
  });

  it("reaches both ends by the bar and by small steps alone", () => {
    expect(scrolled(long, 0, 0, MAX_TRACK)).toBe(lastTop(long));
    for (const [start, step, goal] of [
      [lastTop(long) - 3000, 100, lastTop(long)],
      [3000, -100, 0],
    ] as const) {
      let top = start;
      for (let i = 0; i < 40 && top !== goal; i++) {
        const from = Math.round(scrollFor(long, top)); // the track stands on whole pixels
        const to = Math.min(Math.max(from + step, 0), MAX_TRACK - long.view);
        const next = scrolled(long, top, from, to);
        expect(Math.abs(next - top)).toBeLessThanOrEqual(long.view); // no row is leapt over
        top = next;
      }
      expect(top).toBe(goal);
    }
  });

  it("stays inside the list, from anywhere to anywhere", () => {
    fc.assert(
      fc.property(extents, share, share, share, (extent, a, b, c) => {
        const track = trackHeight(extent);
        const top = scrolled(extent, a * lastTop(extent), b * track, c * track);
        expect(top).toBeGreaterThanOrEqual(0);
        expect(top).toBeLessThanOrEqual(lastTop(extent));
        const { first, end } = inView(extent, top);
        expect(end - first).toBeLessThanOrEqual(Math.ceil(extent.view / 28) + 1);
        expect(end > first || extent.rows === 0).toBe(true);
      }),
    );
  });
});

describe("revealed", () => {
  it("brings any position wholly into view, and moves nothing that is already there", () => {
    fc.assert(
      fc.property(extents, share, share, (extent, a, b) => {
        fc.pre(extent.rows > 0 && extent.view >= 28);
        const position = Math.floor(a * (extent.rows - 1));
        const top = revealed(extent, b * lastTop(extent), position);
        expect(position * 28).toBeGreaterThanOrEqual(top);
        expect((position + 1) * 28).toBeLessThanOrEqual(top + extent.view);
        expect(revealed(extent, top, position)).toBe(top);
      }),
    );
  });
});

describe("inPages", () => {
  it("rounds outwards to pages, inside the list", () => {
    expect(inPages(short, { first: 0, end: 12 }, 8, 32)).toEqual({ first: 0, end: 32 });
    expect(inPages(short, { first: 30, end: 42 }, 8, 32)).toEqual({ first: 0, end: 64 });
    expect(inPages(short, { first: 51_990, end: 52_002 }, 8, 32)).toEqual({ first: 51_968, end: 52_002 });
  });
});
