import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { MOST_MARKS, Paint, type Shading, type Tally } from "./paint";
import { NO_SCORE } from "./palette";
import { Raster } from "./raster";

const [WIDTH, HEIGHT] = [8, 6];
const VIEW = { left: 0, bottom: 0, width: WIDTH, height: HEIGHT };

/** Each entry says its layer and key. */
const palette = Uint32Array.from({ length: 3 * 256 }, (_, i) => i + 1);
const selection: Shading = { by: "selection", palette };

const row = fc.record({
  x: fc.double({ min: -1, max: WIDTH + 1, noNaN: true }),
  y: fc.double({ min: -1, max: HEIGHT + 1, noNaN: true }),
  state: fc.tuple(fc.constantFrom(0, 1, 2), fc.constantFrom(0, 4, 8)).map(([layer, mark]) => layer + mark),
  key: fc.integer({ min: 0, max: 7 }),
});
type Row = { x: number; y: number; state: number; key: number };

describe("shade", () => {
  it("counts every row in view once", () => {
    fc.assert(
      fc.property(fc.array(row), (rows) => {
        const { raster, tally } = shaded(rows, selection);
        const inView = rows.filter((_, i) => raster.pixelOf[i]! < WIDTH * HEIGHT);
        const having = (test: (state: number) => boolean): number => inView.filter(({ state }) => test(state)).length;
        expect(tally).toMatchObject({
          greyed: having((state) => (state & 3) === 0),
          shown: having((state) => (state & 3) === 1),
          chosen: having((state) => (state & 3) === 2),
          pinned: having((state) => (state & 4) > 0),
          excluded: having((state) => (state & 8) > 0),
        });
        expect(tally.greyed + tally.shown + tally.chosen).toBe(raster.inView);
      }),
    );
  });

  it("shows the top layer of each pixel, whatever the colours mean", () => {
    fc.assert(
      fc.property(fc.array(row), fc.constantFrom("selection", "score", "label"), (rows, by) => {
        const keys = Uint8Array.from(rows, ({ key }) => key);
        const shading: Shading = by === "selection" ? selection : { by: by as "score" | "label", palette, keys };
        const { raster, picture } = shaded(rows, shading);
        const tops = new Map<number, number>();
        rows.forEach(({ state }, i) => {
          const pixel = raster.pixelOf[i]!;
          tops.set(pixel, Math.max(tops.get(pixel) ?? 0, state & 3));
        });
        picture.forEach((packed, pixel) => {
          if (packed === 0) expect(tops.has(pixel)).toBe(false);
          else expect((packed - 1) >> 8).toBe(tops.get(pixel));
        });
      }),
    );
  });

  it("is the stronger the more rows of the layer there are", () => {
    const at = (x: number, count: number, state: number): Row[] => Array(count).fill({ x, y: 0.5, state, key: 0 });
    const { picture } = shaded(
      [...at(0.5, 1, 2), ...at(1.5, 5, 2), ...at(2.5, 50, 2), ...at(3.5, 60, 1)],
      selection,
      0.4,
    );
    const strength = (x: number): number => (picture[(HEIGHT - 1) * WIDTH + x]! - 1) & 255;
    expect(strength(0)).toBe(Math.round(0.4 * 255));
    expect(strength(1)).toBeGreaterThan(strength(0));
    expect(strength(2)).toBeGreaterThan(strength(1));
    expect(strength(3)).toBe(255);
  });

  it("is at full strength where no row shares its pixel", () => {
    const { picture } = shaded([{ x: 0.5, y: 0.5, state: 1, key: 0 }], selection, 0.4);
    expect((picture[(HEIGHT - 1) * WIDTH]! - 1) & 255).toBe(255);
  });

  it("means scores of the top layer, leaving out rows without one", () => {
    const of = (...rows: [state: number, key: number][]): number =>
      keyAt(rows, (keys) => ({ by: "score", palette, keys }));
    expect(of([1, 10], [1, 21], [0, 200])).toBe(16);
    expect(of([2, 10], [1, 200])).toBe(10);
    expect(of([1, 10], [1, NO_SCORE])).toBe(10);
    expect(of([1, NO_SCORE])).toBe(NO_SCORE);
  });

  it("takes the commonest label of the top layer, the first of equals", () => {
    const of = (...rows: [state: number, key: number][]): number =>
      keyAt(rows, (keys) => ({ by: "label", palette, keys }));
    expect(of([1, 5], [1, 3], [1, 5], [0, 3], [0, 3])).toBe(5);
    expect(of([1, 5], [1, 3])).toBe(3);
    expect(of([2, 7], [1, 3], [1, 3])).toBe(7);
  });

  it("marks no more pixels than can be told apart", () => {
    const raster = new Raster();
    const side = 40;
    const places = Float32Array.from({ length: side * side }, (_, i) => i);
    const points = { x: places.map((i) => (i % side) + 0.5), y: places.map((i) => Math.floor(i / side) + 0.5) };
    raster.place(points, { left: 0, bottom: 0, width: side, height: side }, side, side);
    const { marks, pinned } = new Paint().shade(raster, new Uint8Array(side * side).fill(2 + 4), selection, 1);
    expect(marks).toHaveLength(MOST_MARKS);
    expect(pinned).toBe(side * side);
  });
});

describe("stamp", () => {
  it("draws larger dots, layer upon layer, cut off at the edges", () => {
    const rows = [
      { x: 0.5, y: HEIGHT - 0.5, state: 2, key: 0 },
      { x: 2.5, y: HEIGHT - 0.5, state: 1, key: 0 },
      { x: WIDTH - 0.5, y: 0.5, state: 0, key: 0 },
    ];
    expect(drawn(shaded(rows, selection, 1, 3).picture)).toEqual([
      "2211....",
      "2211....",
      "........",
      "........",
      "......00",
      "......00",
    ]);
  });

  it("rounds dots", () => {
    const { picture } = shaded([{ x: 3.5, y: 3.5, state: 1, key: 0 }], selection, 1, 5);
    expect(drawn(picture)).toEqual(["..111...", ".11111..", ".11111..", ".11111..", "..111...", "........"]);
  });
});

function shaded(
  rows: Row[],
  shading: Shading,
  faintest = 1,
  diameter = 1,
): { raster: Raster; tally: Tally; picture: Uint32Array } {
  const raster = new Raster();
  const points = { x: Float32Array.from(rows, ({ x }) => x), y: Float32Array.from(rows, ({ y }) => y) };
  raster.place(points, VIEW, WIDTH, HEIGHT);
  const paint = new Paint();
  const states = Uint8Array.from(rows, ({ state }) => state);
  const tally = paint.shade(raster, states, shading, faintest);
  const picture = new Uint32Array(WIDTH * HEIGHT);
  paint.stamp(raster, picture, [diameter, diameter, diameter]);
  return { raster, tally, picture };
}

/** The key that a pixel of these rows gets. */
function keyAt(rows: [state: number, key: number][], shading: (keys: Uint8Array) => Shading): number {
  const all = rows.map(([state, key]) => ({ x: 0.5, y: 0.5, state, key }));
  const { picture } = shaded(all, shading(Uint8Array.from(rows, ([, key]) => key)));
  return (picture[(HEIGHT - 1) * WIDTH]! - 1) & 255;
}

/** The layer of each pixel. */
function drawn(picture: Uint32Array): string[] {
  const pixels = Array.from(picture, (packed) => (packed === 0 ? "." : String((packed - 1) >> 8)));
  return Array.from({ length: HEIGHT }, (_, line) => pixels.slice(line * WIDTH, (line + 1) * WIDTH).join(""));
}
