/** How a page asks: the newest question counts, and what fails is told. */

import type { Trouble } from "./trouble";

/** Questions of one kind, of which only the newest matters. */
export class Newest {
  #asking = new AbortController();

  /** The signal of a new question; the one before is given up. */
  signal(): AbortSignal {
    this.#asking.abort();
    this.#asking = new AbortController();
    return this.#asking.signal;
  }
}

/** Do something that a person asked for, and show it if it fails. */
export async function attempt(trouble: Trouble, work: () => Promise<void>): Promise<void> {
  trouble.clear();
  try {
    await work();
  } catch (error) {
    trouble.show(error);
  }
}
