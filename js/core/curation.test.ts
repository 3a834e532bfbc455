import fc from "fast-check";
import { expect, test } from "vitest";
import { Bins } from "./bins";
import { CHOSEN, Curation, EXCLUDED, type Labels, MOST_LABELS, PINNED, type Pool, type State } from "./curation";
import { Ordering } from "./ordering";
import { pack, rowsOf } from "./rows";
import { Totals } from "./summary";
import { asked } from "./wish";

const N = 40;

const pools = fc.record({
  scores: fc.array(fc.oneof(fc.constant(NaN), fc.integer({ min: -5, max: 5 })), { minLength: N, maxLength: N }),
  tokens: fc.array(fc.nat(50), { minLength: N, maxLength: N }),
  codes: fc.array(fc.nat(3), { minLength: N, maxLength: N }),
});
const rows = fc.uniqueArray(fc.nat(N - 1)).map((list) => Int32Array.from(list).sort());

const states = fc
  .record({
    fraction: fc.double({ min: 0.01, max: 1, noNaN: true }),
    text: fc.constantFrom("", "x"),
    tokens: fc.tuple(fc.option(fc.nat(50)), fc.option(fc.nat(50))),
    label: fc.option(fc.subarray(["a", "b", "c"], { minLength: 1 })),
    narrow: fc.boolean(),
    lasso: fc.option(rows),
    pinned: rows,
    excluded: rows,
  })
  .map(({ fraction, text, tokens, label, narrow, lasso, pinned, excluded }): State => ({
    asked: asked({ fraction, filters: { text, tokens, labels: label === null ? {} : { kind: label }, narrow } }),
    lasso,
    pinned: pinned.filter((row) => !excluded.includes(row)),
    excluded,
  }));

function poolOf({ scores, tokens }: { scores: number[]; tokens: number[] }): Pool {
  const column = Float64Array.from(scores);
  return {
    directions: ["d"],
    scores: [column],
    tokens: Int32Array.from(tokens),
    status: Uint8Array.from(column, (value) => (Number.isNaN(value) ? 2 : 0)),
    lastSelectable: 1,
  };
}

const hits = rowsOf((row) => row % 2 === 0, N);

test("a state gives the same whether it is reached at once or by steps", () => {
  fc.assert(
    fc.property(pools, fc.array(states, { minLength: 1, maxLength: 5 }), (values, steps) => {
      const make = (state: State): Curation => {
        const curation = new Curation(poolOf(values), state);
        curation.setLabels([{ name: "kind", values: ["a", "b", "c"], codes: Uint8Array.from(values.codes) }]);
        curation.setHits("x", pack([hits], N));
        return curation;
      };
      const stepped = make(steps[0]!);
      for (const step of steps) stepped.set(step);
      const last = steps[steps.length - 1]!;
      const fresh = make(last);
      expect(stepped.passing).toEqual(fresh.passing);
      expect(stepped.marks).toEqual(fresh.marks);
      expect(Array.from(stepped.chosen.rows)).toEqual(Array.from(fresh.chosen.rows));

      // and it is what the filters say, row by row
      const { filters } = last.asked;
      for (let row = 0; row < N; row++) {
        const passes =
          (filters.text === "" || row % 2 === 0) &&
          (filters.tokens[0] === null || values.tokens[row]! >= filters.tokens[0]) &&
          (filters.tokens[1] === null || values.tokens[row]! <= filters.tokens[1]) &&
          (filters.labels.kind === undefined || filters.labels.kind.includes("abc"[values.codes[row]!] ?? "")) &&
          (last.lasso === null || last.lasso.includes(row));
        expect(Boolean(fresh.passing[row])).toBe(passes);
      }
      for (const row of fresh.chosen.rows) {
        expect(fresh.marks[row]! & CHOSEN).toBe(CHOSEN);
        if (last.pinned.includes(row)) continue;
        expect(fresh.marks[row]! & (PINNED | EXCLUDED)).toBe(0);
        if (filters.narrow) expect(fresh.passing[row]).toBe(1);
      }
    }),
    { numRuns: 200 },
  );
});

const counting = Array.from({ length: N }, (_, row) => row);
const plain = poolOf({ scores: counting, tokens: counting });
const nobody = new Int32Array();

function labelled(name: string): Labels {
  return { name, values: ["even", "odd"], codes: Uint8Array.from(counting, (row) => row % 2) };
}

function filtered(labels: Record<string, string[]>): State {
  return { asked: asked({ k: 3, filters: { labels } }), lasso: null, pinned: nobody, excluded: nobody };
}

test("every label column filters, up to the last that there can be", () => {
  const columns = Array.from({ length: MOST_LABELS }, (_, i) => labelled(`column ${i}`));
  for (const { name } of columns) {
    const curation = new Curation(plain, filtered({ [name]: ["odd"] }));
    curation.setLabels(columns);
    expect(Array.from(curation.chosen.rows)).toEqual([39, 37, 35]);
    expect(curation.countLabels(MOST_LABELS - 1)[0]).toBe(name === columns[MOST_LABELS - 1]!.name ? N / 2 : 0);
  }
});

test("a label column may be called what every object has", () => {
  const names = ["constructor", "__proto__", "toString"];
  const curation = new Curation(plain, filtered({}));
  curation.setLabels(names.map(labelled));
  expect(curation.shown).toBe(N);
  for (const name of names) {
    curation.set(filtered({ [name]: ["even"] }));
    expect(Array.from(curation.chosen.rows)).toEqual([38, 36, 34]);
  }
});

test("an order that doesn't go by the cut stays as it is while the cut moves", () => {
  const state = { ...filtered({}), pinned: Int32Array.from([5]) };
  const curation = new Curation(plain, state);
  const ordering = new Ordering(curation);
  for (const key of ["id", "hand", "tokens"] as const) {
    const sort = { key, descending: key === "hand" };
    const before = ordering.rows(sort, null, curation.filtered);
    curation.set({ ...state, asked: { ...state.asked, wish: asked({ k: 9 }).wish } });
    expect(ordering.rows(sort, null, curation.filtered)).toBe(before);
    expect(before[0]).toBe(key === "hand" ? 5 : 0);
    curation.set({ ...state, pinned: Int32Array.from([7]) });
    if (key === "hand") expect(ordering.rows(sort, null, curation.filtered)[0]).toBe(7);
    curation.set(state);
  }
});

test("the table shows every row once, those that pass first, and ranks as they were chosen", () => {
  fc.assert(
    fc.property(
      pools,
      states,
      fc.constantFrom("rank", "score", "tokens", "label", "id"),
      fc.boolean(),
      (values, state, key, descending) => {
        const curation = new Curation(poolOf(values), state);
        const ordering = new Ordering(curation);
        const codes = Uint8Array.from(values.codes);
        const order = Array.from(ordering.rows({ key: key as "rank", descending }, codes, 0));
        expect([...order].sort((a, b) => a - b)).toEqual(Array.from({ length: N }, (_, row) => row));
        const passes = order.map((row) => curation.passing[row]!);
        expect(passes).toEqual([...passes].sort((a, b) => b - a));
        curation.chosen.rows
          .subarray(0, curation.chosen.byScore)
          .forEach((row, place) => expect(ordering.ranks[row]).toBe(place));
        if (key === "tokens") {
          const shown = order.slice(0, curation.shown).map((row) => values.tokens[row]!);
          expect(shown).toEqual([...shown].sort((a, b) => (descending ? b - a : a - b)));
        }
      },
    ),
  );
});

test("a summary adds up", () => {
  fc.assert(
    fc.property(pools, states, (values, state) => {
      const curation = new Curation(poolOf(values), state);
      const { rows: n, tokens, pinned } = new Totals(curation).summary();
      const chosen = Array.from(curation.chosen.rows);
      expect(n).toBe(chosen.length);
      expect(tokens).toBe(chosen.reduce((sum, row) => sum + values.tokens[row]!, 0));
      expect(pinned).toBe(n - curation.chosen.byScore);
      const labels = { name: "kind", values: ["a", "b", "c", "d"], codes: Uint8Array.from(values.codes) };
      const shares = new Totals(curation).shares(labels);
      for (const { name, share } of shares) {
        const code = labels.values.indexOf(name);
        expect(share).toBeCloseTo(chosen.filter((row) => values.codes[row] === code).length / n, 12);
      }
    }),
  );
});

test("what follows a moving cut is what it is from the start", () => {
  const fractions = fc.array(fc.double({ min: 0.01, max: 1, noNaN: true }), { minLength: 1, maxLength: 8 });
  fc.assert(
    fc.property(pools, states, fractions, (values, state, cuts) => {
      const labels = { name: "kind", values: ["a", "b", "c", "d"], codes: Uint8Array.from(values.codes) };
      const moved = new Curation(poolOf(values), state);
      const totals = new Totals(moved);
      const bins = new Bins(moved.pool.scores[0]!);
      for (const fraction of cuts) {
        const there = { ...state, asked: { ...state.asked, wish: { ...state.asked.wish, size: { fraction } } } };
        moved.set(there);
        const fresh = new Curation(poolOf(values), there);
        expect(moved.marks).toEqual(fresh.marks);
        expect(totals.summary()).toEqual(new Totals(fresh).summary());
        expect(totals.shares(labels)).toEqual(new Totals(fresh).shares(labels));
        expect(bins.count(moved.chosen.rows)).toEqual(new Bins(moved.pool.scores[0]!).count(fresh.chosen.rows));
      }
    }),
  );
});
