import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { countPlaced, fit, panned, zoomed, type Viewport } from "./viewport";

const home: Viewport = { left: -2, bottom: 1, width: 10, height: 5 };
const share = fc.double({ min: 0, max: 1, noNaN: true });

describe("fit", () => {
  it("holds every point, and leaves a margin", () => {
    const place = fc.float({ noNaN: true, noDefaultInfinity: true, min: -1000, max: 1000 });
    fc.assert(
      fc.property(fc.array(fc.tuple(place, place), { minLength: 1 }), (places) => {
        const { left, bottom, width, height } = fit(points(places))!;
        for (const [x, y] of places) {
          expect(left < x && x < left + width).toBe(true);
          expect(bottom < y && y < bottom + height).toBe(true);
        }
      }),
    );
  });

  it("leaves out rows without a place", () => {
    const some = points([
      [0, 0],
      [NaN, 9],
      [9, Infinity],
      [1, 2],
    ]);
    const view = fit(some)!;
    expect(view.width).toBeCloseTo(1.08);
    expect(view.height).toBeCloseTo(2.16);
    expect(countPlaced(some)).toBe(2);
  });

  it("finds nothing to show where no row has a place", () => {
    expect(fit(points([[NaN, NaN]]))).toBeNull();
    expect(fit(points([]))).toBeNull();
  });
});

describe("moving about", () => {
  it("zooms about a point that stays", () => {
    const view = zoomed(home, home, 4, 0.25, 0.5);
    expect(view.width).toBe(2.5);
    expect(view.left + 0.25 * view.width).toBeCloseTo(home.left + 0.25 * home.width);
    expect(view.bottom + 0.5 * view.height).toBeCloseTo(home.bottom + 0.5 * home.height);
  });

  it("never loses the points, nor shows more than everything", () => {
    const factor = fc.double({ min: 0.01, max: 100, noNaN: true });
    const step = fc.oneof(
      fc.tuple(factor, share, share).map((by) => (view: Viewport) => zoomed(view, home, ...by)),
      fc.tuple(share, share).map(
        ([x, y]) =>
          (view: Viewport) =>
            panned(view, home, 4 * x - 2, 4 * y - 2),
      ),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
        const view = steps.reduce((now, move) => move(now), home);
        const [x, y] = [view.left + view.width / 2, view.bottom + view.height / 2];
        expect(view.width).toBeLessThanOrEqual(home.width);
        expect(view.width).toBeGreaterThan(home.width * 0.99e-4);
        expect(view.width / view.height).toBeCloseTo(home.width / home.height);
        expect(x >= home.left - 1e-9 && x <= home.left + home.width + 1e-9).toBe(true);
        expect(y >= home.bottom - 1e-9 && y <= home.bottom + home.height + 1e-9).toBe(true);
      }),
    );
  });
});

function points(places: [number, number][]): { x: Float32Array; y: Float32Array } {
  return { x: Float32Array.from(places, ([x]) => x), y: Float32Array.from(places, ([, y]) => y) };
}
