import fc from "fast-check";
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { Scores } from "./adjusting";
import { lengthResidual, lengthStrata, order, zScores } from "./arithmetic";
import { ADJUSTMENTS } from "./wish";

type Table = (number | null)[][];

interface Golden {
  inputs: { name: string; scores: Table; lengths: number[]; adjusted: Record<string, Table> }[];
}

const golden = JSON.parse(
  readFileSync(new URL("../../tests/golden/selection.json", import.meta.url), "utf8"),
) as Golden;

function column(table: Table, direction: number): Float64Array {
  return Float64Array.from(table, (values) => values[direction] ?? NaN);
}

test.each(golden.inputs)("$name: adjusted as in Python, to the last bit", ({ scores, lengths, adjusted }) => {
  scores[0]!.forEach((_, direction) => {
    const [given, tokens] = [column(scores, direction), Int32Array.from(lengths)];
    expect(lengthResidual(given, tokens)).toEqual(column(adjusted["length-residual"]!, direction));
    expect(lengthStrata(given, tokens)).toEqual(column(adjusted["length-strata"]!, direction));
  });
});

const score = fc.oneof(
  fc.integer({ min: -3, max: 3 }),
  fc.double(),
  fc.constantFrom(NaN, 0, -0, Infinity, -Infinity, 1.7e308, -1.7e308, Number.MIN_VALUE),
);
const samples = fc.array(fc.tuple(score, fc.nat(12)), { maxLength: 60 });

function split(rows: [number, number][]): [Float64Array, Int32Array] {
  return [Float64Array.from(rows, ([value]) => value), Int32Array.from(rows, ([, length]) => length)];
}

test("a row has a score after adjusting where it had one before; infinite ones are left alone by a line", () => {
  fc.assert(
    fc.property(samples, (rows) => {
      const [scores, lengths] = split(rows);
      const residual = lengthResidual(scores, lengths);
      const places = lengthStrata(scores, lengths);
      scores.forEach((value, row) => {
        expect(Number.isNaN(residual[row])).toBe(Number.isNaN(value));
        expect(Number.isNaN(places[row])).toBe(Number.isNaN(value));
        if (!Number.isFinite(value)) expect(residual[row]).toBe(value);
        if (!Number.isNaN(value)) expect(places[row]! > 0 && places[row]! < 1).toBe(true);
      });
    }),
  );
});

test("strata are parts of about equal size in which rows keep their order", () => {
  fc.assert(
    fc.property(samples, (rows) => {
      const [scores, lengths] = split(rows);
      const places = lengthStrata(scores, lengths);
      const scored = [...scores.keys()].filter((row) => !Number.isNaN(scores[row]));
      scored.sort((a, b) => lengths[a]! - lengths[b]! || a - b);
      const count = Math.min(10, scored.length);
      for (let stratum = 0; stratum < count; stratum++) {
        const own = scored.filter((_, place) => Math.floor((place * count) / scored.length) === stratum);
        const within = scores.map((value, row) => (own.includes(row) ? value : NaN));
        const best = Array.from(order(within));
        expect(best.map((row) => places[row])).toEqual(best.map((_, q) => 1 - (q + 0.5) / own.length));
      }
    }),
  );
});

test("a line that explains all leaves the mean, and one that explains nothing leaves all", () => {
  const lengths = Int32Array.from([30, 10, 20, 40]);
  expect(Array.from(lengthResidual(Float64Array.from([3, 1, 2, 4]), lengths))).toEqual([2.5, 2.5, 2.5, 2.5]);
  const scores = Float64Array.from([3, 1, 2, 4]);
  expect(lengthResidual(scores, new Int32Array(4).fill(7))).toEqual(scores);
});

test("an adjusted column is computed once, however often it is asked for", () => {
  const columns = [Float64Array.from([3, 1, NaN, 4]), Float64Array.from([0, 1, NaN, 9])];
  const scores = new Scores(columns, Int32Array.from([1, 2, 3, 4]));
  for (const adjust of ADJUSTMENTS) {
    for (const index of [0, 1]) {
      const adjusted = scores.of(index, { adjust });
      const standard = scores.standard(index, { adjust });
      expect(standard).toEqual(zScores(adjusted));
      expect(scores.of(1 - index, { adjust })).not.toBe(adjusted);
      expect(scores.of(index, { adjust })).toBe(adjusted);
      expect(scores.standard(index, { adjust })).toBe(standard);
    }
  }
  expect(scores.of(0, { adjust: "none" })).toBe(columns[0]);
  expect([0, 2].map((row) => scores.has(row))).toEqual([true, false]);
});
