/** The order of the table's rows. */

import { type Column, order } from "./arithmetic";
import { type Curation, EXCLUDED, PINNED } from "./curation";

/** `id` is the order of the source: ids are not known of all rows. `hand` is what was pinned or excluded. */
export type SortKey = "rank" | "score" | "tokens" | "label" | "id" | "hand";

export interface Sort {
  key: SortKey;
  descending: boolean;
}

/** Orders the rows of a curation, and remembers what doesn't change while a slider moves. */
export class Ordering {
  /** Each row's place when all are ranked, from 0; -1 for a row that can't be chosen. */
  readonly ranks: Int32Array;
  #ranked: Int32Array = new Int32Array();
  #rankedBy: unknown[] = [];
  #sorted: Int32Array = new Int32Array();
  #sortedBy: unknown[] = [];
  #wholeOrder: Int32Array = new Int32Array();
  #wholeBy: unknown[] = [];

  constructor(private readonly curation: Curation) {
    this.ranks = new Int32Array(curation.n).fill(-1);
  }

  /**
   * All rows: those that the filters leave, then the others; within each as sorted, with ties and rows without a
   * number in the order of the source.
   *
   * @param codes The values of the label column that is shown, if any.
   */
  rows(sort: Sort, codes: Uint8Array | null, version: number): Int32Array {
    this.#rank(version);
    const by = [sort.key, sort.descending, version, ...this.#goesBy(sort.key, codes)];
    if (!same(by, this.#sortedBy)) {
      this.#sortedBy = by;
      this.#sorted = this.curation.shownFirst(this.#sort(sort, codes));
    }
    return this.#sorted;
  }

  /** What an order changes with. */
  #goesBy(key: SortKey, codes: Uint8Array | null): unknown[] {
    const { chosen, state } = this.curation;
    if (key === "score") return [chosen.chosenBy];
    if (key === "hand") return [state.pinned, state.excluded];
    if (key === "label" && codes !== null) return [codes];
    return key === "tokens" || key === "id" ? [] : [this.#ranked];
  }

  #sort({ key, descending }: Sort, codes: Uint8Array | null): Int32Array {
    const { chosen, pool, marks, n } = this.curation;
    if (key === "score") return sorted(chosen.chosenBy, descending);
    if (key === "tokens") return sorted(pool.tokens, descending);
    if (key === "hand")
      return sorted(
        marks.map((mark) => mark & (PINNED | EXCLUDED)),
        descending,
      );
    if (key === "label" && codes !== null) return sorted(codes, descending);
    const rows = key === "id" ? Int32Array.from({ length: n }, (_, row) => row) : this.#ranked;
    return descending ? rows.slice().reverse() : rows;
  }

  /** Rank every row: the chosen ones as they were chosen, the others by what rows are chosen by. */
  #rank(version: number): void {
    const { curation } = this;
    const { wish } = curation.state.asked;
    // Moving a cut along one sequence leaves every rank as it is.
    const { chosenBy, sequence } = curation.chosen;
    const by = [sequence, chosenBy, version];
    if (same(by, this.#rankedBy)) return;
    this.#rankedBy = by;
    const taken = new Uint8Array(curation.n);
    const ranked = new Int32Array(curation.n);
    let k = 0;
    const take = (row: number): void => {
      if (taken[row] === 1) return;
      taken[row] = 1;
      ranked[k++] = row;
    };
    sequence.forEach(take);
    this.#whole(chosenBy, wish.end === "bottom").forEach(take);
    this.ranks.fill(-1);
    for (let place = 0; place < k; place++) this.ranks[ranked[place]!] = place;
    for (let row = 0; row < curation.n; row++) take(row);
    this.#ranked = ranked;
  }

  /** Every row that has a number, best first. */
  #whole(chosenBy: Column, lowest: boolean): Int32Array {
    if (!same([chosenBy, lowest], this.#wholeBy)) {
      this.#wholeBy = [chosenBy, lowest];
      this.#wholeOrder = order(lowest ? chosenBy.map((value) => -value) : chosenBy);
    }
    return this.#wholeOrder;
  }
}

function sorted(column: Column | Int32Array | Uint8Array, descending: boolean): Int32Array {
  const numbers = Float64Array.from(column, (value) => (descending ? value : -value));
  const rows = order(numbers);
  if (rows.length === numbers.length) return rows;
  const all = new Int32Array(numbers.length);
  all.set(rows);
  let k = rows.length;
  numbers.forEach((value, row) => {
    if (Number.isNaN(value)) all[k++] = row;
  });
  return all;
}

function same(a: unknown[], b: unknown[]): boolean {
  return a.length === b.length && a.every((value, i) => value === b[i]);
}
