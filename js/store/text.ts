/** The texts of samples: single ones for a page, all of them for a search. */

import { fold } from "../core/folding";
import type { Arrays } from "./arrays";
import type { Layout } from "./layout";
import { StoreTrouble } from "./trouble";

export type TextName = "prompt" | "response" | "original";

const SEARCHED: readonly TextName[] = ["prompt", "response"];
const LONGEST_HOLD = 12; // ms that a search keeps the page from answering

export class Texts {
  constructor(
    private readonly arrays: Arrays,
    private readonly layout: Layout,
  ) {}

  /**
   * The texts of some rows; only the chunks that hold them are read.
   *
   * @throws StoreTrouble The store holds no text.
   */
  async of(name: TextName, rows: ArrayLike<number>, signal?: AbortSignal): Promise<string[]> {
    if (!this.layout.text) throw new StoreTrouble("no-text", "The store holds no text of its samples.");
    return this.arrays.texts(`text/${name}`, this.layout.nSamples, rows, signal);
  }

  /**
   * The rows whose prompt or response has a text, whatever the case: a bit each, the lowest first.
   *
   * A block is searched while the next is on its way; no more than these two are held.
   *
   * @param progress Called with rows done and in all.
   */
  async search(
    text: string,
    progress: (done: number, total: number) => void = () => undefined,
    signal?: AbortSignal,
  ): Promise<Uint8Array> {
    const { nSamples, blockRows } = this.layout;
    const found = new Uint8Array(Math.ceil(nSamples / 8));
    const needle = fold(text);
    const load = (start: number): Promise<string[][]> => {
      const rows = Int32Array.from({ length: Math.min(blockRows, nSamples - start) }, (_, i) => start + i);
      const block = Promise.all(SEARCHED.map((name) => this.of(name, rows, signal)));
      block.catch(() => undefined); // told when it is waited for, unless the search has ended by then
      return block;
    };
    let held = performance.now();
    let next = load(0);
    for (let start = 0; start < nSamples; start += blockRows) {
      const block = await next;
      next = load(start + blockRows);
      block[0]!.forEach((_, i) => {
        if (block.some((texts) => fold(texts[i]!).includes(needle))) found[(start + i) >> 3]! |= 1 << ((start + i) & 7);
      });
      progress(Math.min(nSamples, start + blockRows), nSamples);
      if (performance.now() - held > LONGEST_HOLD) {
        await new Promise((resolve) => setTimeout(resolve));
        held = performance.now();
      }
      signal?.throwIfAborted();
    }
    return found;
  }
}
