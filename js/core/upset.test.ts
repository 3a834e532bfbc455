import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { arrange, coreSize, type Intersection } from "./upset";

const intersections: Intersection[] = [
  { members: [0], count: 50 },
  { members: [1], count: 5 },
  { members: [0, 1], count: 20 },
  { members: [1, 2], count: 30 },
  { members: [0, 1, 2], count: 7 },
];

describe("arrange", () => {
  it("keeps the largest and puts those in most sets first", () => {
    const { shown, hidden } = arrange(intersections, 4);
    expect(shown.map(({ count }) => count)).toEqual([7, 30, 20, 50]);
    expect(hidden).toEqual({ intersections: 1, rows: 5 });
  });

  it("makes every core a beginning, and loses no row", () => {
    const members = fc.uniqueArray(fc.nat(5), { minLength: 1 });
    const anything = fc.array(fc.record({ members, count: fc.integer({ min: 1, max: 99 }) }));
    fc.assert(
      fc.property(anything, fc.nat(9), fc.integer({ min: 1, max: 6 }), (all, limit, atLeast) => {
        const { shown, hidden } = arrange(all, limit);
        const first = shown.findIndex((each) => each.members.length < atLeast);
        expect(coreSize(first < 0 ? [] : shown.slice(first), atLeast)).toBe(0);
        expect(coreSize(shown, 1) + hidden.rows).toBe(coreSize(all, 1));
      }),
    );
  });
});

describe("coreSize", () => {
  it("counts rows in at least m sets", () => {
    expect([1, 2, 3, 4].map((m) => coreSize(intersections, m))).toEqual([112, 57, 7, 0]);
  });
});
