/** Ranges of bytes that are asked for together are read together where they lie close to each other. */

import { Shared } from "./sharing";

const GAP = 32 * 1024; // reading over it costs less than another request
const LONGEST = 8 * 2 ** 20;

type Bytes = Uint8Array<ArrayBuffer>;

interface Ask {
  offset: number;
  length: number;
  signal: AbortSignal | undefined;
  resolve(bytes: Bytes): void;
  reject(error: unknown): void;
}

export class Ranges {
  readonly #asked = new Map<string, Ask[]>();

  /** @param read Gives all bytes of a range of a file, or fails. */
  constructor(
    private readonly read: (file: string, offset: number, length: number, signal: AbortSignal) => Promise<Bytes>,
  ) {}

  get(file: string, offset: number, length: number, signal?: AbortSignal): Promise<Bytes> {
    if (this.#asked.size === 0) queueMicrotask(() => this.#flush());
    return new Promise((resolve, reject) => {
      const ask = { offset, length, signal, resolve, reject };
      const others = this.#asked.get(file);
      if (others === undefined) this.#asked.set(file, [ask]);
      else others.push(ask);
    });
  }

  #flush(): void {
    const asked = [...this.#asked];
    this.#asked.clear();
    for (const [file, asks] of asked) {
      for (const { signal, reject } of asks) if (signal?.aborted) reject(signal.reason);
      const wanted = asks.filter(({ signal }) => !signal?.aborted);
      for (const group of groups(wanted)) this.#load(file, group);
    }
  }

  #load(file: string, group: Ask[]): void {
    const start = group[0]!.offset;
    const end = Math.max(...group.map(({ offset, length }) => offset + length));
    const whole = new Shared((signal) => this.read(file, start, end - start, signal));
    for (const { offset, length, signal, resolve, reject } of group) {
      const own = (bytes: Bytes): void => resolve(bytes.subarray(offset - start, offset - start + length));
      whole.wait(signal).then(own, reject);
    }
  }
}

function groups(asks: Ask[]): Ask[][] {
  const found: Ask[][] = [];
  let [start, end] = [0, -Infinity];
  for (const ask of asks.sort((a, b) => a.offset - b.offset)) {
    const stop = Math.max(end, ask.offset + ask.length);
    if (ask.offset <= end + GAP && stop - start <= LONGEST) {
      found.at(-1)!.push(ask);
      end = stop;
    } else {
      found.push([ask]);
      [start, end] = [ask.offset, ask.offset + ask.length];
    }
  }
  return found;
}
