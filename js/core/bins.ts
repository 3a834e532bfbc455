/** A histogram whose bins stay while what is counted changes. */

import type { Column } from "./arithmetic";
import { Running } from "./running";

export const BINS = 96;
const NONE = 255; // the bin of a row without a number

/** The bins of a column. */
export class Bins {
  readonly low: number;
  readonly high: number;
  /** Each row's bin. */
  readonly of: Uint8Array;
  /** Rows in each bin. */
  readonly whole: Uint32Array;
  #counts = new Uint32Array(NONE + 1);
  #running = new Running(
    () => this.#counts.fill(0),
    (rows, sign) => {
      for (let i = 0; i < rows.length; i++) this.#counts[this.of[rows[i]!]!]! += sign;
    },
  );

  constructor(column: Column) {
    let low = Infinity;
    let high = -Infinity;
    for (const value of column) {
      if (value < low) low = value;
      if (value > high) high = value;
    }
    this.low = Number.isFinite(low) ? low : 0;
    this.high = Number.isFinite(high) && high > this.low ? high : this.low + 1;
    const scale = BINS / (this.high - this.low);
    this.of = Uint8Array.from(column, (value) =>
      Number.isNaN(value) ? NONE : Math.max(0, Math.min(BINS - 1, Math.floor((value - this.low) * scale))),
    );
    this.whole = this.countWhere(null);
  }

  /** How many rows of a list lie in each bin, until the next list is counted. */
  count(rows: Int32Array): Uint32Array {
    this.#running.to(rows);
    return this.#counts.subarray(0, BINS);
  }

  /** How many rows lie in each bin, of all or of those that a mask lets through. */
  countWhere(passing: Uint8Array | null): Uint32Array {
    const counts = new Uint32Array(NONE + 1);
    for (let row = 0; row < this.of.length; row++) if (passing === null || passing[row]) counts[this.of[row]!]!++;
    return counts.subarray(0, BINS);
  }
}
