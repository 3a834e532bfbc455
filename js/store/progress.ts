/** How far a capture has come, told by the blocks that it has written. */

import type { Arrays } from "./arrays";
import { type Layout, PENDING } from "./layout";

const AT_ONCE = 8; // blocks; a capture works on windows of four, so those behind eight that aren't there aren't either

export interface Progress {
  /** Rows that are captured, and how many there will be. */
  done: number;
  total: number;
  /** How many rows have each status, by its code. */
  counts: Uint32Array;
}

/** Blocks that were found written once are not asked for again. */
export async function captureProgress(arrays: Arrays, layout: Layout, signal?: AbortSignal): Promise<Progress> {
  const { nSamples } = layout;
  const plan = await arrays.plan("status", ["uint8"], [nSamples], signal);
  const counts = new Uint32Array(256);
  const rows = plan.chunk[0]!;
  for (let first = 0; first * rows < nSamples; first += AT_ONCE) {
    const places = Array.from({ length: AT_ONCE }, (_, i) => first + i).filter((place) => place * rows < nSamples);
    const blocks = await Promise.all(places.map((place) => arrays.written(plan, place, signal)));
    blocks.forEach((status, i) => {
      const start = places[i]! * rows;
      for (const code of status?.subarray(0, nSamples - start) ?? []) if (code !== PENDING) counts[code]!++;
    });
    if (blocks.every((status) => status === null)) break;
  }
  return { done: counts.reduce((sum, n) => sum + n, 0), total: nSamples, counts };
}
