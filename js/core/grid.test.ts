import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { moved } from "./grid";

describe("moved", () => {
  const at = { row: 1, column: 2 };

  it.each([
    ["ArrowUp", false, { row: 0, column: 2 }],
    ["ArrowDown", false, { row: 2, column: 2 }],
    ["ArrowLeft", false, { row: 1, column: 1 }],
    ["ArrowRight", false, { row: 1, column: 3 }],
    ["Home", false, { row: 1, column: 0 }],
    ["End", false, { row: 1, column: 4 }],
    ["Home", true, { row: 0, column: 0 }],
    ["End", true, { row: 3, column: 4 }],
  ])("%s (control: %s)", (key, control, to) => {
    expect(moved(at, key, 4, 5, control)).toEqual(to);
  });

  it("leaves other keys alone, and an empty grid", () => {
    expect(moved(at, "a", 4, 5)).toBeNull();
    expect(moved({ row: 0, column: 0 }, "End", 0, 0)).toBeNull();
  });

  it("never leaves the grid", () => {
    const key = fc.constantFrom("ArrowUp", "ArrowDown", "ArrowLeft", "ArrowRight", "Home", "End");
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 9 }),
        fc.integer({ min: 1, max: 9 }),
        fc.array(key),
        (rows, columns, keys) => {
          let cell = { row: 0, column: 0 };
          for (const each of keys) cell = moved(cell, each, rows, columns)!;
          return cell.row >= 0 && cell.row < rows && cell.column >= 0 && cell.column < columns;
        },
      ),
    );
  });
});
