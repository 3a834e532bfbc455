import { polygonContains } from "d3-polygon";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { polygonMask, rowsInside, type Corner } from "./lasso";
import { Raster } from "./raster";

const [WIDTH, HEIGHT] = [12, 9];

/** Irrational places keep pixel centres off the edges, where either answer is right. */
const corner = fc
  .tuple(fc.integer({ min: -20, max: 60 }), fc.integer({ min: -20, max: 60 }))
  .map(([x, y]): Corner => [(x * Math.SQRT2) / 5 + Math.PI / 100, (y * Math.sqrt(3)) / 5 + Math.E / 100]);

describe("polygonMask", () => {
  it("has the pixels whose centre the line winds around, self-crossing or not", () => {
    fc.assert(
      fc.property(fc.array(corner, { minLength: 3, maxLength: 9 }), (polygon) => {
        const mask = polygonMask(polygon, WIDTH, HEIGHT);
        for (let pixel = 0; pixel < mask.length; pixel++) {
          const centre: Corner = [(pixel % WIDTH) + 0.5, Math.floor(pixel / WIDTH) + 0.5];
          expect(mask[pixel] === 1).toBe(Math.round(turns(polygon, centre)) !== 0);
        }
      }),
    );
  });

  it("agrees with d3-polygon on triangles, which can't cross themselves", () => {
    fc.assert(
      fc.property(corner, corner, corner, (...triangle) => {
        const mask = polygonMask(triangle, WIDTH, HEIGHT);
        const corners = triangle.map(([x, y]): [number, number] => [x, y]);
        mask.forEach((inside, pixel) => {
          const centre: [number, number] = [(pixel % WIDTH) + 0.5, Math.floor(pixel / WIDTH) + 0.5];
          expect(inside === 1).toBe(polygonContains(corners, centre));
        });
      }),
    );
  });

  it("keeps both halves of an eight, and what is circled twice", () => {
    const eight = mask("0,0 6,9 6,0 0,9");
    expect(eight[4 * WIDTH]).toBe(1);
    expect(eight[4 * WIDTH + 5]).toBe(1);
    expect(eight[0 * WIDTH + 3]).toBe(0);
    const twice = mask("0,0 9,0 9,9 0,9 0,0 6,0 6,6 0,6");
    expect(twice[3 * WIDTH + 3]).toBe(1);
  });

  it("is empty for no polygon, a line, and one out of view", () => {
    for (const corners of ["", "2,2", "1,1 8,8", "20,0 30,0 30,30", "-5,-5 -1,-5 -1,20"]) {
      expect(mask(corners).some((inside) => inside === 1)).toBe(false);
    }
  });
});

it("catches the rows in the mask's pixels, ascending", () => {
  const raster = new Raster();
  const points = { x: Float32Array.of(1.5, 20, 1.6, NaN, 8.5), y: Float32Array.of(1.5, 1, 1.4, 1, 8.5) };
  raster.place(points, { left: 0, bottom: 0, width: WIDTH, height: HEIGHT }, WIDTH, HEIGHT);
  expect(Array.from(rowsInside(raster, polygonMask(box(0, 0, 12, 9), WIDTH, HEIGHT)))).toEqual([0, 2, 4]);
  expect(Array.from(rowsInside(raster, polygonMask(box(0, 5, 5, 9), WIDTH, HEIGHT)))).toEqual([0, 2]);
  expect(rowsInside(raster, new Uint8Array(WIDTH * HEIGHT))).toHaveLength(0);
});

/** How often a closed line turns around a point: the sum of the angles that its edges subtend. */
function turns(polygon: readonly Corner[], [x, y]: Corner): number {
  const angles = polygon.map((to, i) => {
    const from = polygon.at(i - 1)!;
    const [ax, ay, bx, by] = [from[0] - x, from[1] - y, to[0] - x, to[1] - y];
    return Math.atan2(ax * by - ay * bx, ax * bx + ay * by);
  });
  return angles.reduce((sum, angle) => sum + angle, 0) / (2 * Math.PI);
}

function mask(corners: string): Uint8Array {
  const polygon = corners.split(" ").filter(Boolean);
  return polygonMask(
    polygon.map((each) => each.split(",").map(Number) as [number, number]),
    WIDTH,
    HEIGHT,
  );
}

function box(left: number, top: number, right: number, bottom: number): Corner[] {
  return [
    [left, top],
    [right, top],
    [right, bottom],
    [left, bottom],
  ];
}
