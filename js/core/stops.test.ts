import fc from "fast-check";
import { expect, test } from "vitest";
import { order } from "./arithmetic";
import { type StopArrays, Stops } from "./stops";

const WIDTH = 4; // bins, by the hundred

/** The totals at some counts, one queue, as the kernel would give them. */
function arraysOf(scores: number[], counts: number[]): StopArrays {
  const rows = order(Float64Array.from(scores));
  const bins = counts.flatMap((k) =>
    Array.from(
      { length: WIDTH },
      (_, bin) => Array.from(rows.subarray(0, k)).filter((row) => row % WIDTH === bin).length,
    ),
  );
  const cumulative = (k: number): number => rows.subarray(0, k).reduce((sum, row) => sum + row, 0);
  return {
    amounts: Float64Array.from(counts),
    by_score: Uint32Array.from(counts),
    rows: Uint32Array.from(counts),
    tokens: Float64Array.from(counts, cumulative),
    bins: Uint32Array.from(bins),
    labels: new Uint32Array(counts.length),
    taken: Uint32Array.from(counts),
    cuts: Float64Array.from(counts, (k) => scores[rows[k - 1]!]!),
  };
}

const pool = fc.array(fc.integer({ min: -50, max: 50 }), { minLength: 1, maxLength: 60 });
const steps = fc.array(fc.integer({ min: 1, max: 60 }), { minLength: 1, maxLength: 12 });

/** Stops of a pool, of which the first row and all rows are two. */
const stopped = fc.tuple(pool, steps).map(([scores, some]) => {
  const counts = [...new Set([1, ...some, scores.length])].filter((k) => k <= scores.length).sort((a, b) => a - b);
  return { scores, counts };
});

test("at a stop the totals are exact, and between two they lie between theirs", () => {
  fc.assert(
    fc.property(stopped, ({ scores, counts }) => {
      const stops = new Stops(arraysOf(scores, counts));
      const every = arraysOf(
        scores,
        Array.from(scores, (_, i) => i + 1),
      );
      for (let k = 1; k <= scores.length; k++) {
        const found = stops.at(k);
        expect(found.rows).toBe(k);
        expect(found.exact).toBe(counts.includes(k));
        const next = counts.find((stop) => stop >= k)!;
        const before = counts.filter((stop) => stop <= k).at(-1)!;
        expect(found.tokens).toBeGreaterThanOrEqual(every.tokens[before - 1]!);
        expect(found.tokens).toBeLessThanOrEqual(every.tokens[next - 1]!);
        if (!found.exact) continue;
        expect(found.tokens).toBe(every.tokens[k - 1]);
        expect(Array.from(found.bins)).toEqual(Array.from(every.bins.subarray((k - 1) * WIDTH, k * WIDTH)));
        expect(Array.from(found.cuts)).toEqual([every.cuts[k - 1]]);
      }
      expect(stops.at(0).rows).toBe(1); // what lies beyond the ends is as the ends are
      expect(stops.at(1000)).toEqual({ ...stops.at(scores.length), exact: true });
    }),
  );
});

test("rows beyond a score are counted, exactly where every row is a stop", () => {
  fc.assert(
    fc.property(stopped, fc.integer({ min: -60, max: 60 }), ({ scores, counts }, value) => {
      const exact = scores.filter((score) => score >= value).length;
      const all = Array.from(scores, (_, i) => i + 1);
      expect(Math.floor(new Stops(arraysOf(scores, all)).beyond(value, 0, false))).toBe(exact);
      const found = new Stops(arraysOf(scores, counts)).beyond(value, 0, false);
      const inside = counts.filter((k) => k <= exact).at(-1) ?? 0;
      expect(found).toBeGreaterThanOrEqual(inside);
      expect(found).toBeLessThanOrEqual(counts.find((k) => k > exact) ?? scores.length);
    }),
  );
});

test("thresholds and the lowest scores go the other way", () => {
  const down = arraysOf([5, 3, 1], [1, 2, 3]);
  const byThreshold = new Stops({ ...down, amounts: down.cuts });
  expect(byThreshold.at(3)).toMatchObject({ exact: true, rows: 2 });
  expect(byThreshold.at(4)).toMatchObject({ exact: false, rows: 2 }); // one and a half
  expect(byThreshold.at(9).rows).toBe(1);
  const up = new Stops({ ...down, cuts: Float64Array.of(1, 3, 5) });
  expect([0, 1, 3, 4, 7].map((value) => up.beyond(value, 0, true))).toEqual([0, 1, 2, 2, 3]);
});

test("nothing to choose among gives nothing", () => {
  const none = new Float64Array();
  const no = new Uint32Array();
  const stops = new Stops({
    amounts: none,
    by_score: no,
    rows: no,
    tokens: none,
    bins: no,
    labels: no,
    taken: no,
    cuts: none,
  });
  expect(stops.at(3)).toMatchObject({ byScore: 0, rows: 0, tokens: 0 });
  expect(stops.beyond(0, 0, false)).toBe(0);
});
