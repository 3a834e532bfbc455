/** Totals over a list of rows, of which only what is new or gone is counted when a cut moves along one sequence. */

import { NO_ROWS } from "./rows";

export class Running {
  #rows: Int32Array = NO_ROWS;

  /**
   * @param clear Start from nothing.
   * @param count Add (1) or take away (-1) rows.
   */
  constructor(
    private readonly clear: () => void,
    private readonly count: (rows: Int32Array, sign: 1 | -1) => void,
  ) {}

  /** Count these rows and no others. Lists that begin at the same place in memory share their beginning. */
  to(rows: Int32Array): void {
    let before = this.#rows;
    if (rows.buffer !== before.buffer || rows.byteOffset !== before.byteOffset) {
      this.clear();
      before = NO_ROWS;
    }
    this.#rows = rows;
    if (rows.length > before.length) this.count(rows.subarray(before.length), 1);
    else if (rows.length < before.length) this.count(before.subarray(rows.length), -1);
  }
}
