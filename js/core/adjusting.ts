/** The scores of a pool as a wish adjusts them. They change with nothing else, so a slider's drag finds them ready. */

import { type Column, lengthResidual, lengthStrata, zScores } from "./arithmetic";
import { Latest } from "./latest";
import type { Wish } from "./wish";

type Adjusted = Pick<Wish, "adjust">;

export class Scores {
  #adjusted = new Latest<Column>();
  #standard = new Latest<Column>();

  /**
   * @param columns Each direction's scores.
   * @param lengths Tokens of each row.
   */
  constructor(
    private readonly columns: Column[],
    private readonly lengths: Int32Array,
  ) {}

  get length(): number {
    return this.lengths.length;
  }

  /** Whether any direction has a score of the row. */
  has(row: number): boolean {
    return this.columns.some((column) => !Number.isNaN(column[row]));
  }

  /** A direction's scores. */
  of(index: number, { adjust }: Adjusted): Column {
    const column = this.columns[index]!;
    if (adjust === "none") return column;
    const by = adjust === "length-residual" ? lengthResidual : lengthStrata;
    return this.#adjusted.get(String(index), adjust, () => by(column, this.lengths));
  }

  /** The same, standardised. */
  standard(index: number, wish: Adjusted): Column {
    return this.#standard.get(String(index), wish.adjust, () => zScores(this.of(index, wish)));
  }
}
