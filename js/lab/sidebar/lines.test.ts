import { expect, test } from "vitest";
import type { Kind } from "../kinds";
import type { Found } from "./finding";
import { HEIGHTS, isHeading, lineAt, linesOf, type Section, sorted, topsOf } from "./lines";

function found(path: string, kind: Kind): Found {
  return { kind, path, modified: "2026", bytes: null };
}

const THINGS = sorted([
  found("run10/pool.zarr", "store"),
  found("run9/Pool.zarr", "store"),
  found("maths.direction", "direction"),
  found("packed.zarr.zip", "packed"),
]);

function told(filter = "", closed: Section[] = []): string[] {
  return linesOf(THINGS, filter, new Set(closed)).map((line) =>
    isHeading(line) ? `${line.title} ${line.shown}/${line.all}` : `${line.position}/${line.of} ${line.key}`,
  );
}

test("each section lists its own, numbers in their order", () => {
  expect(told()).toEqual([
    "Stores 3/3",
    "1/3 packed.zarr.zip",
    "2/3 run9/Pool.zarr",
    "3/3 run10/pool.zarr",
    "Directions 1/1",
    "1/1 maths.direction",
    "Selections 0/0",
  ]);
  expect(linesOf(THINGS, "", new Set())[2]).toMatchObject({ name: "Pool.zarr", folder: "run9" });
});

test("a closed section has its heading alone, a filter shows what passes in all of them", () => {
  expect(told("", ["stores"])).toEqual(["Stores 3/3", "Directions 1/1", "1/1 maths.direction", "Selections 0/0"]);
  expect(told("POOL run1", ["stores"])).toEqual([
    "Stores 1/3",
    "1/1 run10/pool.zarr",
    "Directions 0/1",
    "Selections 0/0",
  ]);
});

test("scorers have a section where there are any", () => {
  const things = sorted([...THINGS, found("length.scorer", "scorer")]);
  const titles = linesOf(things, "", new Set<Section>(["stores", "directions", "selections"]));
  expect(titles.map(({ key }) => key)).toEqual(["stores", "directions", "scorers", "length.scorer", "selections"]);
});

test("lines are found by their height", () => {
  const tops = topsOf(linesOf(THINGS, "", new Set()));
  expect(tops.at(-1)).toBe(3 * HEIGHTS.heading + 4 * HEIGHTS.item);
  expect([0, 27.9, 28, 73.9, 74, 1e9].map((height) => lineAt(tops, height))).toEqual([0, 0, 1, 1, 2, 6]);
  expect(lineAt(topsOf([]), 10)).toBe(0);
});
