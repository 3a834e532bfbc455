import { expect, test } from "vitest";
import { strengths } from "./strength";

test("values keep their sign and their share of the largest", () => {
  expect([...strengths([1, -2, 0, 4]).shares]).toEqual([0.25, -0.5, 0, 1]);
});

test("one outlier in a hundred leaves the others their colour", () => {
  const values = Array.from({ length: 100 }, (_, i) => (i === 7 ? 1000 : i % 2 ? 1 : -1));
  const { shares, full } = strengths(values);
  expect(full).toBe(1);
  expect(shares[7]).toBe(1);
  expect(shares[0]).toBe(-1);
});

test("zeros show nothing, and a single value among them shows in full", () => {
  expect([...strengths([0, 0]).shares]).toEqual([0, 0]);
  expect(strengths([]).full).toBe(0);
  const lone = strengths(Array.from({ length: 200 }, (_, i) => (i === 3 ? -5 : 0)));
  expect(lone.shares[3]).toBe(-1);
});
