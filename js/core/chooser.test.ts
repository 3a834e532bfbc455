import fc from "fast-check";
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { order, zScores } from "./arithmetic";
import { Chooser } from "./chooser";
import { Latest } from "./latest";
import { ADJUSTMENTS, asJson, asked, type Wish } from "./wish";

interface Golden {
  inputs: {
    name: string;
    scores: (number | null)[][];
    lengths: number[];
    cases: { wish: Record<string, unknown>; left_out: number[]; pinned: number[]; rows: number[] }[];
  }[];
}

const golden = JSON.parse(
  readFileSync(new URL("../../tests/golden/selection.json", import.meta.url), "utf8"),
) as Golden;

function columnsOf(scores: (number | null)[][]): Float64Array[] {
  return scores[0]!.map((_, d) => Float64Array.from(scores, (row) => row[d] ?? NaN));
}

/** Without lengths rows have some, so that adjusting changes something. */
function chooserOf(columns: Float64Array[], lengths?: number[]): Chooser {
  return new Chooser(
    columns.map((_, d) => `d${d}`),
    columns,
    Int32Array.from(lengths ?? Array.from(columns[0]!, (_, row) => (row * 7) % 5)),
  );
}

const wishOf = (json: Record<string, unknown>): Wish => asked(json).wish;

describe("golden vectors", () => {
  test.each(golden.inputs)("$name", ({ scores, lengths, cases }) => {
    expect(cases.length).toBeGreaterThan(20);
    const chooser = chooserOf(columnsOf(scores), lengths); // one for all cases: what it keeps must not leak between wishes
    for (const { wish, left_out: leftOut, pinned, rows } of cases) {
      const candidates = new Uint8Array(scores.length).fill(1);
      for (const row of leftOut) candidates[row] = 0;
      chooser.setCandidates(leftOut.length > 0 ? candidates : null);
      const chosen = chooser.choose(wishOf(wish), Int32Array.from(pinned));
      expect(Array.from(chosen.rows), JSON.stringify(wish)).toEqual(rows);
    }
  });
});

const score = fc.oneof(
  fc.constant(NaN),
  fc.integer({ min: -3, max: 3 }),
  fc.double({ noNaN: true }),
  fc.constantFrom(0, -0, Infinity, -Infinity, Number.MAX_VALUE, -Number.MAX_VALUE, Number.MIN_VALUE),
);

test("an order is sorted, whole, and breaks ties by row", () => {
  fc.assert(
    fc.property(fc.array(score), (values) => {
      const column = Float64Array.from(values);
      const valid = values.map((_, row) => row).filter((row) => !Number.isNaN(values[row]));
      const sorted = valid.sort((a, b) => (values[a] === values[b] ? a - b : values[a]! > values[b]! ? -1 : 1));
      expect(Array.from(order(column))).toEqual(sorted);
    }),
  );
});

test("z-scores have mean 0 and deviation 1", () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: -9, max: 9 }), { minLength: 2 }), (values) => {
      const z = Array.from(zScores(Float64Array.from(values)));
      const mean = z.reduce((a, b) => a + b, 0) / z.length;
      const deviation = Math.sqrt(z.reduce((a, b) => a + (b - mean) ** 2, 0) / z.length);
      expect(mean).toBeCloseTo(0, 9);
      expect(deviation).toBeCloseTo(new Set(values).size > 1 ? 1 : 0, 9);
    }),
  );
});

const anyWish = fc
  .record({
    size: fc.oneof(
      fc.double({ min: 0.01, max: 1, noNaN: true }).map((fraction) => ({ fraction })),
      fc.integer({ min: 1, max: 40 }).map((k) => ({ k })),
      fc.double({ noNaN: true, noDefaultInfinity: true }).map((threshold) => ({ threshold: threshold + 0 })), // JSON has neither infinity nor -0
    ),
    merge: fc.constantFrom("union", "round-robin", "mean-z", "max"),
    end: fc.constantFrom("top", "bottom", "random"),
    seed: fc.nat(),
    adjust: fc.constantFrom(...ADJUSTMENTS),
    weights: fc.dictionary(fc.constantFrom("d0", "d1", "d2"), fc.constantFrom(0, 0.25, 1, 3)),
  })
  .filter(
    ({ size, merge, end }) => !("threshold" in size && (merge === "round-robin" || end === "random")),
  ) as fc.Arbitrary<Wish>;

test("no wish chooses a row twice, an invalid one, or one that is no candidate", () => {
  const table = fc.array(fc.tuple(score, score, score), { minLength: 1, maxLength: 30 });
  fc.assert(
    fc.property(table, anyWish, fc.infiniteStream(fc.boolean()), (rows, wish, stream) => {
      const whole = rows.map((row) => (row.some(Number.isNaN) ? [NaN, NaN, NaN] : row));
      const candidates = Uint8Array.from(whole, () => Number(stream.next().value));
      const chooser = chooserOf(columnsOf(whole));
      chooser.setCandidates(candidates);
      const chosen = Array.from(chooser.choose(wish).rows);
      expect(new Set(chosen).size).toBe(chosen.length);
      for (const row of chosen) {
        expect(candidates[row]).toBe(1);
        expect(Number.isNaN(whole[row]![0])).toBe(false);
      }
      if ("k" in wish.size && wish.end === "random") expect(chosen.length).toBe(Math.min(wish.size.k, chooser.valid));
    }),
  );
});

test("a threshold becomes the fewest rows to ask for that choose as many", () => {
  const table = fc.array(fc.tuple(score, score), { minLength: 1, maxLength: 30 });
  fc.assert(
    fc.property(table, anyWish, (rows, wish) => {
      const chooser = chooserOf(columnsOf(rows.map((row) => (row.some(Number.isNaN) ? [NaN, NaN] : row))));
      const wanted = chooser.choose(wish).byScore;
      const k = chooser.askFor(wish, wanted);
      const chosen = (size: number): number => chooser.choose({ ...wish, size: { k: size } }).byScore;
      expect(chosen(k)).toBeGreaterThanOrEqual(wanted);
      if (k > 1) expect(chosen(k - 1)).toBeLessThan(wanted);
    }),
  );
});

test("under a union of two a threshold doesn't become twice the rows", () => {
  const columns = [0, 1].map((d) => Float64Array.from({ length: 20 }, (_, row) => (row + 10 * d) % 20));
  const chooser = chooserOf(columns);
  const wish = wishOf({ threshold: 14 });
  expect(chooser.choose(wish).byScore).toBe(12);
  expect(chooser.askFor({ ...wish, end: "bottom" }, 12)).toBe(6); // each, and no row twice
  expect(chooser.askFor({ ...wish, merge: "mean-z" }, 12)).toBe(12);
});

test("a direction may be called what every object has", () => {
  const columns = [0, 1].map((d) => Float64Array.from([d, 1 - d, 0.5]));
  const chooser = new Chooser(["constructor", "__proto__"], columns, new Int32Array(3));
  expect(Array.from(chooser.choose(wishOf({ k: 1 })).rows)).toEqual([0, 1]);
  expect(Array.from(chooser.choose(wishOf({ k: 1, weights: { ["__proto__"]: 0 } })).rows)).toEqual([1]);
});

test("of what changes with a weight or a seed the latest alone is kept", () => {
  const latest = new Latest<object>();
  const first = latest.get("random", "1", () => ({}));
  expect(latest.get("random", "1", () => ({}))).toBe(first);
  latest.get("random", "2", () => ({}));
  expect(latest.get("random", "1", () => ({}))).not.toBe(first);
});

test("a wish is what its JSON says", () => {
  fc.assert(
    fc.property(anyWish, (wish) => {
      const filters = { text: "a", tokens: [null, 4] as [null, number], labels: { x: ["y"] }, narrow: false };
      const back = asked(JSON.parse(JSON.stringify(asJson({ wish, filters }))) as Record<string, unknown>);
      expect(back.filters).toEqual(filters);
      expect({ ...back.wish, weights: {} }).toEqual({ ...wish, weights: {} });
      for (const name of ["d0", "d1", "d2"]) expect(back.wish.weights[name] ?? 1).toBe(wish.weights[name] ?? 1);
    }),
  );
});
