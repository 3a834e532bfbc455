/** Chooses rows by a wish, fast enough for every frame of a slider's drag: what doesn't change is kept sorted. */

import { Scores } from "./adjusting";
import {
  type Column,
  countAbove,
  order,
  roundRobin,
  shares,
  size,
  uniform,
  union,
  weightedMax,
  weightedMean,
} from "./arithmetic";
import { Latest } from "./latest";
import { weightOf, type Wish } from "./wish";

/** Rows that a wish has chosen. */
export interface Chosen {
  /** Best first, then those that were only pinned. */
  rows: Int32Array;
  /** How many of them were chosen by their scores. */
  byScore: number;
  /** What `rows` begins with, going on through the rows that a larger wish would choose, as far as that is known. */
  sequence: Int32Array;
  /** What rows are chosen by, for every row: a score, or under several directions a z-score. */
  chosenBy: Column;
}

/** One direction's own view: its scores, and how many of its best rows the wish takes. */
export interface Cut {
  column: Column;
  /** Candidates, highest first (lowest first where the bottom is chosen). */
  ordered: Int32Array;
  count: number;
}

interface Active {
  index: number;
  weight: number;
}

/** The scores of a pool, and the orders derived from them. */
export class Chooser {
  /** Rows that have a score. */
  readonly scored: number;
  #candidates: Uint8Array | null = null;
  #valid: number;
  #scores: Scores;
  #wholeOrders = new Latest<Int32Array>();
  #orders = new Latest<Int32Array>();
  #unions = new Latest<{ rows: Int32Array; ranks: Int32Array }>();
  #merged: { key: string; column: Column } | null = null;

  /**
   * @param names The directions' names.
   * @param columns Each direction's scores; a row that can't be chosen is NaN in all of them.
   * @param lengths Tokens of each row.
   */
  constructor(
    readonly names: string[],
    columns: Column[],
    lengths: Int32Array,
  ) {
    this.#scores = new Scores(columns, lengths);
    this.scored = this.#count();
    this.#valid = this.scored;
  }

  /** How many rows a fraction is of. */
  get valid(): number {
    return this.#valid;
  }

  /** Choose among these rows only (1 where a row is a candidate); null for all. The array is not copied. */
  setCandidates(candidates: Uint8Array | null): void {
    this.#candidates = candidates;
    this.#orders.clear();
    this.#unions.clear();
    this.#valid = this.#count();
  }

  /** The rows of a wish. */
  choose(wish: Wish, pinned: Int32Array = new Int32Array()): Chosen {
    const active = this.#active(wish);
    const count = this.#wanted(wish);
    const { sequence, taken } = this.#sequence(wish, active, count);
    const rows = appended(sequence.subarray(0, taken), pinned, this.#length);
    return { rows, byScore: taken, sequence, chosenBy: this.chosenBy(wish) };
  }

  /** The fewest rows to ask for, of each direction where each takes its own, so that at least so many are chosen. */
  askFor(wish: Wish, rows: number): number {
    let low = 1;
    for (let high = Math.max(1, rows); low < high;) {
      const k = (low + high) >> 1;
      if (this.choose({ ...wish, size: { k } }).byScore >= rows) high = k;
      else low = k + 1;
    }
    return low;
  }

  /** What rows are chosen by. */
  chosenBy(wish: Wish): Column {
    const active = this.#active(wish);
    if (active.length === 1) return this.column(active[0]!.index, wish);
    const merge = wish.end !== "random" && (wish.merge === "mean-z" || wish.merge === "max") ? wish.merge : "best";
    const weights = active.map(({ weight }) => (merge === "best" ? 1 : weight));
    const key = JSON.stringify([wish.adjust, merge, active.map(({ index }) => index), weights]);
    if (this.#merged?.key !== key) {
      const z = active.map(({ index }) => this.#scores.standard(index, wish));
      this.#merged = { key, column: merge === "mean-z" ? weightedMean(z, weights) : weightedMax(z, weights) };
    }
    return this.#merged.column;
  }

  /** One direction's scores, adjusted as the wish asks. */
  column(direction: number, wish: Wish): Column {
    return this.#scores.of(direction, wish);
  }

  /** Where the wish cuts one direction, or, with null, what the directions are merged into. */
  cut(wish: Wish, direction: number | null): Cut {
    const active = this.#active(wish);
    const merged = direction === null && active.length > 1;
    const index = direction ?? active[0]!.index;
    const column = merged ? this.chosenBy(wish) : this.column(index, wish);
    const ordered = merged ? this.#mergedOrder(wish) : this.#order(index, wish);
    const place = active.findIndex((one) => one.index === index);
    if (place < 0 || wish.end === "random") return { column, ordered, count: 0 };
    const own = merged || active.length === 1 || wish.merge !== "union" ? null : active.map(({ weight }) => weight);
    return { column, ordered, count: this.#taken(wish, column, ordered, own === null ? null : [own, place]) };
  }

  /** An order of rows, and how many of them the wish takes. */
  #sequence(wish: Wish, active: Active[], count: number): { sequence: Int32Array; taken: number } {
    if (wish.end === "random") return { sequence: this.#randomOrder(wish.seed), taken: count };
    if (active.length > 1 && (wish.merge === "mean-z" || wish.merge === "max")) {
      const sequence = this.#mergedOrder(wish);
      return { sequence, taken: this.#taken(wish, this.chosenBy(wish), sequence, null) };
    }
    const orders = active.map(({ index }) => this.#order(index, wish));
    const weights = active.map(({ weight }) => weight);
    if (active.length === 1) {
      const column = this.column(active[0]!.index, wish);
      return { sequence: orders[0]!, taken: this.#taken(wish, column, orders[0]!, null) };
    }
    const key = JSON.stringify([wish.adjust, wish.end, active]);
    if (wish.merge === "round-robin") {
      const turns = this.#orders.get("turns", key, () => roundRobin(orders, weights, this.#valid, this.#length));
      return { sequence: turns, taken: Math.min(count, turns.length) };
    }
    const counts = active.map(({ index }, place) =>
      this.#taken(wish, this.column(index, wish), orders[place]!, [weights, place]),
    );
    if (counts.some((other) => other !== counts[0])) {
      const { rows } = union(orders, counts, this.#length);
      return { sequence: rows, taken: rows.length };
    }
    // Directions that take as many rows each take them from one and the same sequence, however many they are.
    const whole = this.#unions.get("whole", key, () =>
      union(
        orders,
        orders.map((order) => order.length),
        this.#length,
      ),
    );
    return { sequence: whole.rows, taken: firstAtLeast(whole.ranks, counts[0]!) };
  }

  get #length(): number {
    return this.#scores.length;
  }

  #active(wish: Wish): Active[] {
    const weights = this.names.map((name, index) => ({ index, weight: weightOf(wish, name) }));
    const active = weights.filter(({ weight }) => weight > 0);
    return active.length > 0 ? active : weights.map(({ index }) => ({ index, weight: 1 }));
  }

  #wanted(wish: Wish): number {
    if ("fraction" in wish.size) return size(wish.size.fraction, this.#valid);
    return "k" in wish.size ? Math.min(wish.size.k, this.#valid) : this.#valid;
  }

  /** How many rows of an order the wish takes; `own` is the directions' weights and which of them the order is of. */
  #taken(wish: Wish, column: Column, ordered: Int32Array, own: [number[], number] | null): number {
    if ("threshold" in wish.size) {
      const { threshold } = wish.size;
      return wish.end === "bottom"
        ? countAbove(ordered, this.#negated(column), -threshold)
        : countAbove(ordered, column, threshold);
    }
    const wanted = "k" in wish.size ? wish.size.k : this.#wanted(wish);
    return Math.min(ordered.length, own === null ? wanted : shares(wanted, own[0])[own[1]]!);
  }

  #order(index: number, wish: Wish): Int32Array {
    return this.#ordered(`direction ${index}`, wish.adjust, wish.end === "bottom", () => this.column(index, wish));
  }

  #mergedOrder(wish: Wish): Int32Array {
    const column = this.chosenBy(wish);
    return this.#ordered("merged", this.#merged!.key, wish.end === "bottom", () => column);
  }

  #randomOrder(seed: number): Int32Array {
    return this.#ordered("random", String(seed), false, () => {
      const numbers = uniform(seed, this.#length);
      for (let row = 0; row < this.#length; row++) if (!this.#scores.has(row)) numbers[row] = NaN;
      return numbers;
    });
  }

  /** Candidates by a column; the order over all rows is sorted once, and candidates are sifted from it. */
  #ordered(name: string, key: string, bottom: boolean, column: () => Column): Int32Array {
    const end = `${name} ${bottom}`;
    return this.#orders.get(end, key, () => {
      const whole = this.#wholeOrders.get(end, key, () => order(bottom ? this.#negated(column()) : column()));
      const candidates = this.#candidates;
      return candidates === null ? whole : whole.filter((row) => candidates[row] === 1);
    });
  }

  #negated(column: Column): Column {
    return column.map((value) => -value);
  }

  #count(): number {
    let n = 0;
    for (let row = 0; row < this.#length; row++) {
      if (this.#scores.has(row) && (this.#candidates === null || this.#candidates[row] === 1)) n++;
    }
    return n;
  }
}

/** The first place of an ascending list whose number is at least a limit. */
function firstAtLeast(ascending: Int32Array, limit: number): number {
  let low = 0;
  for (let high = ascending.length; low < high;) {
    const middle = (low + high) >> 1;
    if (ascending[middle]! < limit) low = middle + 1;
    else high = middle;
  }
  return low;
}

function appended(rows: Int32Array, pinned: Int32Array, n: number): Int32Array {
  if (pinned.length === 0) return rows;
  const chosen = new Uint8Array(n);
  for (const row of rows) chosen[row] = 1;
  const beyond = pinned.filter((row) => chosen[row] === 0).sort();
  const all = new Int32Array(rows.length + beyond.length);
  all.set(rows);
  all.set(beyond, rows.length);
  return all;
}
