/** The latest of what is asked for by row: kept, bounded, and asked one page at a time. */

/** What is known of a row; undefined where it has not arrived. */
export type Known<T> = { value: T } | { failure: string } | undefined;

/** Milliseconds of stillness before asking, and the longest that steady movement may put it off. */
const STILL = 60;
const PATIENCE = 240;

const CAPACITY = 4096;

/**
 * Rows on their way in. At most one question is open: while it is, movement only changes what the next asks for, so
 * a slow answerer is never sent pages that were scrolled past.
 */
export class Pages<T> {
  #kept = new Map<number, { value: T }>(); // in order of use, the latest last
  #failed = new Map<number, { failure: string }>();
  #wanted: readonly number[] = [];
  #open = false;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #since = 0;

  /**
   * @param ask answers one value for each row, in order
   * @param arrived called when rows became known, or failed
   */
  constructor(
    private readonly ask: (rows: number[]) => Promise<readonly T[]>,
    private readonly arrived: () => void,
    private readonly signal: AbortSignal,
  ) {
    signal.addEventListener("abort", () => clearTimeout(this.#timer));
  }

  /** What is known of a row; the same object until that changes. */
  get(row: number): Known<T> {
    const kept = this.#kept.get(row);
    if (kept === undefined) return this.#failed.get(row);
    this.#kept.delete(row);
    this.#kept.set(row, kept);
    return kept;
  }

  /** Say which rows are wanted now, instead of those wanted before. */
  want(rows: readonly number[]): void {
    this.#wanted = rows;
    this.#schedule();
  }

  /** Forget failures, so that their rows are asked for again once wanted. */
  retry(): void {
    this.#failed.clear();
  }

  #schedule(): void {
    if (this.#open || this.signal.aborted || this.#missing().length === 0) return;
    const now = Date.now();
    if (this.#timer === undefined) this.#since = now;
    clearTimeout(this.#timer);
    const wait = Math.min(STILL, Math.max(0, this.#since + PATIENCE - now));
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      void this.#fetch(this.#missing());
    }, wait);
  }

  #missing(): number[] {
    return this.#wanted.filter((row) => !this.#kept.has(row) && !this.#failed.has(row));
  }

  async #fetch(rows: number[]): Promise<void> {
    if (rows.length === 0) return;
    this.#open = true;
    try {
      const values = await this.ask(rows);
      if (values.length !== rows.length)
        throw new Error(`${rows.length} rows were asked for and ${values.length} came; open the widget again.`);
      rows.forEach((row, i) => this.#kept.set(row, { value: values[i]! }));
      this.#forget();
    } catch (error) {
      const failed = { failure: error instanceof Error ? error.message : String(error) };
      for (const row of rows) this.#failed.set(row, failed);
    }
    this.#open = false;
    if (this.signal.aborted) return;
    this.arrived();
    this.#schedule();
  }

  #forget(): void {
    for (const row of this.#kept.keys()) {
      if (this.#kept.size <= CAPACITY) return;
      this.#kept.delete(row);
    }
  }
}
