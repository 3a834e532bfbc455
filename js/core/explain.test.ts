import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { explain, type Similarity, top } from "./explain";

const number = fc.double({ min: -1e3, max: 1e3, noNaN: true });
const flat = (n: number): fc.Arbitrary<Float32Array> =>
  fc.array(number, { minLength: n, maxLength: n }).map((values) => Float32Array.from(values));

describe("an explanation", () => {
  const activation = Float32Array.of(1, 2, 3, 4, 5, 6);
  const vectors = Float32Array.of(1, 0, -1, 0, 0, 0);
  const terms = { layers: 2, activation, vectors, center: null, scale: [2, 0] };

  it("of a dot product has its products", () => {
    const found = explain({ ...terms, similarity: "dot" });
    expect([...found.contributions]).toEqual([1, 0, -3, 0, 0, 0]);
    expect([...found.byLayer]).toEqual([-2, 0]);
    expect(found.score).toBe(-2);
  });

  it("takes the pool's mean off where the direction compares with it", () => {
    const found = explain({ ...terms, similarity: "zscore", center: Float32Array.of(1, 1, 1, 1, 1, 1) });
    expect([...found.contributions]).toEqual([0, 0, -1, 0, 0, 0]);
  });

  it("of a cosine adds up to the cosine", () => {
    const found = explain({ ...terms, similarity: "cosine" });
    expect(found.byLayer[0]).toBeCloseTo((1 - 3) / Math.sqrt(2) / Math.sqrt(14), 15);
    expect(found.byLayer[1]).toBe(0);
  });

  it("gives nothing of a layer in which nothing differs", () => {
    const found = explain({ ...terms, vectors: Float32Array.of(1, 1, 1, 1, 1, 1), similarity: "zscore" });
    expect([...found.byLayer]).toEqual([3, 0]);
    expect(explain({ ...terms, activation: new Float32Array(6), similarity: "cosine" }).score).toBe(0);
  });

  it("has layers that add up to the score, and neurons that add up to their layer", () => {
    const similarity = fc.constantFrom<Similarity>("dot", "cosine", "zscore");
    fc.assert(
      fc.property(flat(12), flat(12), flat(12), similarity, (activation, vectors, center, similarity) => {
        const found = explain({ layers: 3, activation, vectors, similarity, center, scale: [1, 2, 3] });
        const sum = (values: Iterable<number>): number => [...values].reduce((a, b) => a + b, 0);
        expect(sum(found.byLayer)).toBeCloseTo(found.score, 6);
        found.byLayer.forEach((part, i) => {
          expect(sum(found.contributions.subarray(4 * i, 4 * i + 4))).toBeCloseTo(part, 6);
        });
      }),
    );
  });
});

describe("the strongest terms", () => {
  it("are those of a stable sort by size", () => {
    const small = fc.array(fc.constantFrom(-2, -1, 0, 1, 2, NaN), { minLength: 12, maxLength: 12 });
    fc.assert(
      fc.property(small, fc.nat(14), (values, n) => {
        const sorted = [...values.keys()].filter((i) => !Number.isNaN(values[i]));
        sorted.sort((a, b) => Math.abs(values[b]!) - Math.abs(values[a]!) || a - b);
        const activation = Float32Array.from(values.keys());
        expect(top(values, activation, 3, n)).toEqual(
          sorted.slice(0, n).map((i) => ({
            layer: Math.floor(i / 4),
            neuron: i % 4,
            activation: i,
            contribution: values[i],
          })),
        );
      }),
    );
  });
});
