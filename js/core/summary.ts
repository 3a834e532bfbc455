/** What a selection amounts to. */

import type { Curation, Labels } from "./curation";

const MOST_NAMED = 4;

export interface Summary {
  rows: number;
  pinned: number;
  tokens: number;
  share: number;
}

export function summary({ chosen, chooser, pool }: Curation): Summary {
  let tokens = 0;
  for (const row of chosen.rows) tokens += pool.tokens[row]!;
  return {
    rows: chosen.rows.length,
    pinned: chosen.rows.length - chosen.byScore,
    tokens,
    share: chooser.scored > 0 ? chosen.rows.length / chooser.scored : 0,
  };
}

/** The most frequent values of a label column among the chosen rows. */
export function labelShares({ chosen }: Curation, { values, codes }: Labels): { name: string; share: number }[] {
  const counts = new Uint32Array(256);
  for (const row of chosen.rows) counts[codes[row]!]!++;
  return values
    .map((name, code) => ({ name, share: counts[code]! / Math.max(1, chosen.rows.length) }))
    .filter(({ share }) => share > 0)
    .sort((a, b) => b.share - a.share)
    .slice(0, MOST_NAMED);
}

/** The score at the cut of an order: that of its last row taken; null where nothing is. */
export function scoreAtCut(column: Float64Array, ordered: Int32Array, count: number): number | null {
  return count > 0 ? column[ordered[count - 1]!]! : null;
}
