/**
 * What is chosen at each stop of a slider, as the kernel sums it up for a pool that is too large for the page.
 *
 * Amounts between two stops are read off a straight line between them; the slider's own stops are all there, so its
 * figures are exact while it moves.
 */

/** Totals at every stop, the smallest choice first; of tables the stops are the rows. */
export interface StopArrays {
  /** Rows asked for, or the threshold. */
  amounts: Float64Array;
  by_score: Uint32Array;
  rows: Uint32Array;
  tokens: Float64Array;
  /** (stop, bin). */
  bins: Uint32Array;
  /** (stop, value of a label column). */
  labels: Uint32Array;
  /** Rows taken of each queue, and the score of the last: (stop, queue). */
  taken: Uint32Array;
  cuts: Float64Array;
}

/** Totals of one choice. */
export interface Stop {
  /** Whether the kernel has summed up this very choice. */
  exact: boolean;
  byScore: number;
  /** With those that were only pinned. */
  rows: number;
  tokens: number;
  bins: Uint32Array;
  labels: Uint32Array;
  /** The score of the last row of each queue; NaN where there is none. */
  cuts: Float64Array;
}

/** A place among the stops: a share of the way from one to the next. */
interface Place {
  stop: number;
  share: number;
}

export class Stops {
  readonly length: number;

  constructor(private readonly arrays: StopArrays) {
    this.length = arrays.amounts.length;
  }

  /** The totals of an amount. */
  at(amount: number): Stop {
    const { arrays } = this;
    const { amounts } = arrays;
    const place = this.#place(amounts, 1, 0, amount, amounts[this.length - 1]! < amounts[0]!);
    const whole = (table: Uint32Array): Uint32Array =>
      this.length === 0 ? new Uint32Array(table.length) : Uint32Array.from(this.#line(table, place), Math.round);
    const one = (column: Uint32Array | Float64Array): number => Math.round(this.#line(column, place)[0] ?? 0);
    return {
      exact: place.share === 0,
      byScore: one(arrays.by_score),
      rows: one(arrays.rows),
      tokens: one(arrays.tokens),
      bins: whole(arrays.bins),
      labels: whole(arrays.labels),
      cuts: this.#line(arrays.cuts, place),
    };
  }

  /**
   * How many rows of a queue score beyond a value: at least as much, or at most.
   *
   * @param lowest Whether the lowest scores come first.
   */
  beyond(value: number, queue: number, lowest: boolean): number {
    const { cuts, taken } = this.arrays;
    const queues = this.#width(cuts);
    const first = cuts[queue]!;
    if (this.length === 0 || Number.isNaN(first) || (lowest ? value < first : value > first)) return 0;
    const { stop, share } = this.#place(cuts, queues, queue, value, !lowest);
    const [here, next] = [taken[stop * queues + queue]!, taken[(stop + 1) * queues + queue] ?? 0];
    return share === 0 ? here : Math.floor(here + share * (next - here));
  }

  /** Where a value lies in a column of a table, which goes up or down throughout; its ends where it lies beyond. */
  #place(table: Float64Array, width: number, column: number, value: number, down: boolean): Place {
    const of = (stop: number): number => table[stop * width + column]!;
    let low = 0; // the last stop that doesn't lie behind the value
    for (let high = this.length - 1; low < high;) {
      const middle = (low + high + 1) >> 1;
      if (down ? of(middle) >= value : of(middle) <= value) low = middle;
      else high = middle - 1;
    }
    const share = low + 1 < this.length ? (value - of(low)) / (of(low + 1) - of(low)) : 0;
    return { stop: low, share: share > 0 && share < 1 ? share : 0 };
  }

  /** A line of a table, between two stops where the place lies there. */
  #line(table: Uint32Array | Float64Array, { stop, share }: Place): Float64Array {
    const width = this.#width(table);
    const line = Float64Array.from(table.subarray(stop * width, (stop + 1) * width));
    if (share > 0) for (let i = 0; i < width; i++) line[i]! += share * (table[(stop + 1) * width + i]! - line[i]!);
    return line;
  }

  #width(table: Uint32Array | Float64Array): number {
    return this.length === 0 ? 0 : table.length / this.length;
  }
}
