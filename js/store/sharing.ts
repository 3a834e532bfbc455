/** Loads: how many run at once, who waits for them, and which of them are kept. */

/** Lets so many pieces of work run at once; the others wait for their turn. */
export class Gate {
  readonly #queue: (() => void)[] = [];

  constructor(private free: number) {}

  async run<T>(work: () => Promise<T>, signal?: AbortSignal): Promise<T> {
    if (this.free > 0) this.free--;
    else await new Promise<void>((resolve) => this.#queue.push(resolve));
    try {
      signal?.throwIfAborted();
      return await work();
    } finally {
      const next = this.#queue.shift();
      if (next === undefined) this.free++;
      else next();
    }
  }
}

/** One load that several may wait for; once all of them have given it up, it is aborted. */
export class Shared<T> {
  readonly #controller = new AbortController();
  readonly #promise: Promise<T>;
  #waiting = 0;

  constructor(load: (signal: AbortSignal) => Promise<T>) {
    this.#promise = load(this.#controller.signal);
    this.#promise.catch(() => undefined); // those who wait are told
  }

  get aborted(): boolean {
    return this.#controller.signal.aborted;
  }

  async wait(signal?: AbortSignal): Promise<T> {
    this.#waiting++;
    if (signal === undefined) return this.#promise;
    let leave!: () => void;
    const left = new Promise<never>((_, reject) => {
      leave = () => {
        reject(signal.reason as Error);
        if (--this.#waiting === 0) this.#controller.abort(signal.reason);
      };
    });
    if (signal.aborted) leave();
    else signal.addEventListener("abort", leave, { once: true });
    try {
      return await Promise.race([this.#promise, left]);
    } finally {
      signal.removeEventListener("abort", leave);
    }
  }
}

/** Values that took a load, kept as long as they fit; the one that was asked for longest ago goes first. */
export class Cache<T extends { readonly byteLength: number }> {
  readonly #kept = new Map<string, T>();
  readonly #loading = new Map<string, Shared<T>>();
  #bytes = 0;

  constructor(private readonly limit: number) {}

  async get(key: string, load: (signal: AbortSignal) => Promise<T>, signal?: AbortSignal): Promise<T> {
    signal?.throwIfAborted();
    const kept = this.#kept.get(key);
    if (kept !== undefined) {
      this.#kept.delete(key); // to the end of the queue
      this.#kept.set(key, kept);
      return kept;
    }
    let loading = this.#loading.get(key);
    if (loading === undefined || loading.aborted) {
      loading = new Shared(async (signal) => {
        try {
          return this.#keep(key, await load(signal));
        } finally {
          if (this.#loading.get(key) === loading) this.#loading.delete(key);
        }
      });
      this.#loading.set(key, loading);
    }
    return loading.wait(signal);
  }

  #keep(key: string, value: T): T {
    this.#bytes += value.byteLength - (this.#kept.get(key)?.byteLength ?? 0);
    this.#kept.set(key, value);
    for (const [oldest, { byteLength }] of this.#kept) {
      if (this.#bytes <= this.limit) break;
      this.#kept.delete(oldest);
      this.#bytes -= byteLength;
    }
    return value;
  }
}

/** Work on 0 to n − 1 side by side; where one fails, the others are aborted. */
export async function together<T>(
  n: number,
  work: (i: number, signal: AbortSignal) => Promise<T>,
  signal?: AbortSignal,
): Promise<T[]> {
  const failed = new AbortController();
  const either = signal === undefined ? failed.signal : AbortSignal.any([signal, failed.signal]);
  try {
    return await Promise.all(Array.from({ length: n }, (_, i) => work(i, either)));
  } catch (error) {
    failed.abort();
    throw error;
  }
}
