import fc from "fast-check";
import { expect, test } from "vitest";
import { density, rangeOf } from "./density";

test("points fall into the cells that hold them, ends included", () => {
  const counts = density([0, 0.49, 0.5, 1, 1], [0, 0, 1, 1, 0.2], [0, 1], [0, 1], 2, 2);
  expect([...counts]).toEqual([2, 1, 0, 2]);
});

test("every point is counted once, and none that is outside or no number", () => {
  const number = fc.double({ min: -1e6, max: 1e6, noNaN: true });
  fc.assert(
    fc.property(fc.array(fc.tuple(number, number), { minLength: 1 }), (points) => {
      const [x, y] = [points.map((p) => p[0]), points.map((p) => p[1])];
      const counts = density([...x, NaN, 9e9], [...y, 0, 0], rangeOf(x), rangeOf(y), 7, 5);
      expect(counts.reduce((sum, n) => sum + n, 0)).toBe(points.length);
    }),
  );
});

test("a range is never empty", () => {
  expect(rangeOf([])).toEqual([0, 1]);
  expect(rangeOf([3, 3])).toEqual([2.5, 3.5]);
  expect(rangeOf([2, -1, 5])).toEqual([-1, 5]);
});
