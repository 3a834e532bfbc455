import { interpolateCividis, interpolatePuOr } from "d3-scale-chromatic";
import { expect, it } from "vitest";
import { contrast, inkOn } from "./ink";

it("measures contrast as WCAG does", () => {
  expect(contrast("#000000", "#ffffff")).toBeCloseTo(21);
  expect(contrast("rgb(255, 255, 255)", "#767676")).toBeCloseTo(4.54, 2); // the lightest grey that passes AA on white
  expect(contrast("#767676", "#767676")).toBe(1);
});

it.each([
  ["cividis", interpolateCividis],
  ["PuOr", interpolatePuOr],
])("can be read anywhere on %s", (_, colour) => {
  for (let i = 0; i <= 100; i++) expect(contrast(colour(i / 100), inkOn(colour(i / 100)))).toBeGreaterThan(4.5);
});
