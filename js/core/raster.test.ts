import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { OUTSIDE, Raster } from "./raster";
import type { Viewport } from "./viewport";

const VIEW: Viewport = { left: 0, bottom: 0, width: 8, height: 4 };
const [WIDTH, HEIGHT] = [16, 8];

/** Places in and around the view, some of them none. */
const places = fc.array(
  fc.tuple(
    fc.oneof(fc.double({ min: -2, max: 10, noNaN: true }), fc.constant(NaN)),
    fc.double({ min: -2, max: 6, noNaN: true }),
  ),
);

describe("place", () => {
  it("sorts each row in view into its pixel, once, in order", () => {
    const raster = new Raster(); // the same for all: what an earlier one left behind must not show
    fc.assert(
      fc.property(places, (rows) => {
        raster.place(points(rows), VIEW, WIDTH, HEIGHT);
        const expected = rows.map(([x, y]) => pixelOf(Math.fround(x), Math.fround(y)));
        expect(Array.from(raster.pixelOf)).toEqual(expected);
        const found = new Map<number, number[]>();
        for (let k = 0; k < raster.occupied; k++) {
          const [from, to] = [raster.starts[k]!, raster.starts[k + 1]!];
          found.set(raster.pixels[k]!, Array.from(raster.rows.subarray(from, to)));
        }
        const inView = expected.flatMap((pixel, row) => (pixel === OUTSIDE ? [] : [row]));
        const pixels = [...new Set(inView.map((row) => expected[row]!))].sort((a, b) => a - b);
        expect([...found.keys()]).toEqual(pixels);
        for (const [pixel, here] of found) expect(here).toEqual(inView.filter((row) => expected[row] === pixel));
        expect(raster.inView).toBe(inView.length);
        expect(raster.fullest).toBe(Math.max(0, ...[...found.values()].map((here) => here.length)));
      }),
    );
  });

  it("holds nothing of no rows", () => {
    const raster = new Raster();
    raster.place(points([]), VIEW, WIDTH, HEIGHT);
    expect([raster.occupied, raster.inView, raster.fullest]).toEqual([0, 0, 0]);
    expect(raster.nearest(3, 3, 100, new Uint8Array(0))).toBeNull();
  });
});

describe("nearest", () => {
  it("is as near as any, and within the radius", () => {
    const at = fc.tuple(
      fc.double({ min: 0, max: WIDTH, noNaN: true }),
      fc.double({ min: 0, max: HEIGHT, noNaN: true }),
    );
    fc.assert(
      fc.property(places, at, fc.double({ min: 0, max: 10, noNaN: true }), (rows, [x, y], radius) => {
        const raster = placed(rows);
        const found = raster.nearest(x, y, radius, new Uint8Array(rows.length).fill(1));
        const distance = (row: number): number => {
          const pixel = raster.pixelOf[row]!;
          if (pixel === OUTSIDE) return Infinity;
          return Math.hypot((pixel % WIDTH) + 0.5 - x, Math.floor(pixel / WIDTH) + 0.5 - y);
        };
        const least = Math.min(Infinity, ...rows.map((_, row) => distance(row)));
        if (found === null) expect(least).toBeGreaterThan(radius - 1e-9);
        else {
          expect(distance(found.row)).toBeCloseTo(least);
          expect(found.count).toBe(raster.pixelOf.filter((pixel) => pixel === raster.pixelOf[found.row]).length);
        }
      }),
    );
  });

  it("is the one on top: chosen before shown before greyed", () => {
    const raster = placed([
      [1, 1],
      [1, 1],
      [1, 1],
      [7, 3],
    ]);
    const row = (state: number[]): number => raster.nearest(2, 6, 5, Uint8Array.from(state))!.row;
    expect(row([0, 1, 2, 2])).toBe(2);
    expect(row([0, 1 + 8, 0, 2])).toBe(1);
    expect(row([1, 1, 1, 2])).toBe(0);
    expect(row([0 + 8, 1, 2 + 4, 2])).toBe(2);
  });
});

function placed(rows: [number, number][]): Raster {
  const raster = new Raster();
  raster.place(points(rows), VIEW, WIDTH, HEIGHT);
  return raster;
}

function pixelOf(x: number, y: number): number {
  const column = Math.floor(2 * x);
  const line = Math.floor((4 - y) * 2);
  return column >= 0 && column < WIDTH && line >= 0 && line < HEIGHT ? line * WIDTH + column : OUTSIDE;
}

function points(rows: [number, number][]): { x: Float32Array; y: Float32Array } {
  return { x: Float32Array.from(rows, ([x]) => x), y: Float32Array.from(rows, ([, y]) => y) };
}
