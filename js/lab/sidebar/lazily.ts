/** Answers that are asked for when they are wanted, few at a time, and kept. */

/** What is known: an answer, why there is none, or undefined where it has not arrived. */
export type Answer<T> = { readonly value: T } | { readonly failure: unknown } | undefined;

/** Milliseconds of stillness before asking, and the longest that steady change may put it off. */
const STILL = 80;
const PATIENCE = 400;

export class Lazily<T> {
  #kept = new Map<string, NonNullable<Answer<T>>>();
  #stale = new Set<string>();
  #wanted: readonly string[] = [];
  #asking = new Map<string, AbortController>();
  #timer: ReturnType<typeof setTimeout> | undefined;
  #since = 0;

  /**
   * @param ask answers one question
   * @param arrived called when a question was answered
   * @param atOnce open questions at any time
   */
  constructor(
    private readonly ask: (key: string, signal: AbortSignal) => Promise<T>,
    private readonly arrived: (key: string) => void,
    private readonly atOnce = 4,
  ) {}

  get(key: string): Answer<T> {
    return this.#kept.get(key);
  }

  /** Say what is wanted now, the most urgent first, instead of what was before: that is given up. */
  want(keys: readonly string[]): void {
    this.#wanted = keys;
    const wanted = new Set(keys);
    for (const [key, asking] of this.#asking) if (!wanted.has(key)) asking.abort();
    this.#soon();
  }

  /** Ask once more when these are wanted; what is known of them stays until then. */
  again(keys: Iterable<string>): void {
    for (const key of keys) this.#stale.add(key);
    this.#soon();
  }

  /** Forget everything but these. */
  keep(keys: ReadonlySet<string>): void {
    for (const key of this.#kept.keys()) if (!keys.has(key)) this.#kept.delete(key);
  }

  #soon(): void {
    const now = Date.now();
    if (this.#timer === undefined) this.#since = now;
    clearTimeout(this.#timer);
    const ask = (): void => {
      this.#timer = undefined;
      this.#next();
    };
    this.#timer = setTimeout(ask, Math.min(STILL, Math.max(0, this.#since + PATIENCE - now)));
  }

  #next(): void {
    for (const key of this.#wanted) {
      if (this.#asking.size >= this.atOnce) return;
      if (this.#kept.has(key) && !this.#stale.has(key)) continue;
      if (!this.#asking.has(key)) void this.#answer(key);
    }
  }

  async #answer(key: string): Promise<void> {
    const asking = new AbortController();
    this.#asking.set(key, asking);
    this.#stale.delete(key);
    try {
      const value = await this.ask(key, asking.signal);
      this.#kept.set(key, { value });
    } catch (failure) {
      if (!asking.signal.aborted) this.#kept.set(key, { failure });
    }
    this.#asking.delete(key);
    if (asking.signal.aborted) this.#stale.add(key);
    else this.arrived(key);
    if (this.#timer === undefined) this.#next();
  }
}
