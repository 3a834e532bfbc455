import fc from "fast-check";
import { expect, test } from "vitest";
import { BINS, Bins } from "./bins";

const columns = fc
  .array(fc.oneof(fc.constant(NaN), fc.double({ min: -1e6, max: 1e6, noNaN: true })))
  .map((values) => Float64Array.from(values));

test("every row with a number is in one bin, and bins are in order", () => {
  fc.assert(
    fc.property(columns, (column) => {
      const bins = new Bins(column);
      const valid = Array.from(column.keys()).filter((row) => !Number.isNaN(column[row]));
      const total = (counts: Uint32Array): number => counts.reduce((a, b) => a + b, 0);
      expect(total(bins.countWhere(null))).toBe(valid.length);
      expect(bins.count(Int32Array.from(valid))).toEqual(bins.countWhere(null));
      const sorted = valid.sort((a, b) => column[a]! - column[b]!);
      for (let i = 1; i < sorted.length; i++)
        expect(bins.of[sorted[i]!]).toBeGreaterThanOrEqual(bins.of[sorted[i - 1]!]!);
      expect(total(bins.countWhere(new Uint8Array(column.length)))).toBe(0);
    }),
  );
});

test("the highest value is in the last bin", () => {
  const bins = new Bins(Float64Array.of(0, 1, 2));
  expect(bins.of[2]).toBe(BINS - 1);
  expect(bins.of[0]).toBe(0);
});
