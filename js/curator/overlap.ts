/** How alike the chosen rows are: asked for once the choice has rested. */

import { NO_ROWS } from "../core/rows";
import type { BudgetProps } from "../views/budget";
import type { RowSource } from "./source";

const REST = 400; // milliseconds

export class MeanOverlap {
  mean: BudgetProps["overlap"];
  #of: Int32Array = NO_ROWS;
  #timer = 0;

  /**
   * @param ask The source's.
   * @param told Called when the mean of the latest rows has come, or with what kept it from coming.
   */
  constructor(
    private readonly ask: RowSource["overlap"],
    private readonly signal: AbortSignal,
    private readonly told: (error?: unknown) => void,
  ) {
    this.mean = typeof ask === "function" ? "computing" : ask;
    signal.addEventListener("abort", () => clearTimeout(this.#timer));
  }

  /**
   * The chosen rows are these.
   *
   * @param settle Called before the source is asked, which must know of the choice by then.
   */
  choose(rows: Int32Array | null, settle: () => void): void {
    const { ask } = this;
    if (rows === null || typeof ask !== "function" || rows === this.#of || this.signal.aborted) return;
    this.#of = rows;
    this.mean = "computing";
    clearTimeout(this.#timer);
    this.#timer = window.setTimeout(() => {
      settle();
      ask().then(
        (mean) => {
          if (this.#of !== rows) return;
          this.mean = mean;
          this.told();
        },
        (error: unknown) => this.told(error),
      );
    }, REST);
  }
}
