/** What a selection amounts to, kept up to date as it grows and shrinks. */

import type { Curation, Labels } from "./curation";
import { Running } from "./running";

const MOST_NAMED = 4;

export interface Summary {
  rows: number;
  /** Of them, those that were only pinned. */
  pinned: number;
  tokens: number;
  /** Share of the rows that may be selected. */
  share: number;
}

/** Totals of the chosen rows. */
export class Totals {
  #tokens = 0;
  #byToken: Running;
  #labels: { of: Labels; counts: Uint32Array; running: Running } | null = null;

  constructor(private readonly curation: Curation) {
    const { tokens } = curation.pool;
    this.#byToken = new Running(
      () => (this.#tokens = 0),
      (rows, sign) => {
        let sum = 0;
        for (let i = 0; i < rows.length; i++) sum += tokens[rows[i]!]!;
        this.#tokens += sign * sum;
      },
    );
  }

  summary(): Summary {
    const { chosen, chooser } = this.curation;
    this.#byToken.to(chosen.rows);
    return {
      rows: chosen.rows.length,
      pinned: chosen.rows.length - chosen.byScore,
      tokens: this.#tokens,
      share: chooser.scored > 0 ? chosen.rows.length / chooser.scored : 0,
    };
  }

  /** The most frequent values of a label column. */
  shares(labels: Labels): { name: string; share: number }[] {
    const { rows } = this.curation.chosen;
    if (this.#labels?.of !== labels) this.#labels = counting(labels);
    const { counts, running } = this.#labels;
    running.to(rows);
    return mostFrequent(labels.values, counts, rows.length);
  }
}

/** The most frequent values of a label column among so many rows, given how often each occurs. */
export function mostFrequent(
  values: readonly string[],
  counts: ArrayLike<number>,
  rows: number,
): { name: string; share: number }[] {
  return values
    .map((name, code) => ({ name, share: (counts[code] ?? 0) / Math.max(1, rows) }))
    .filter(({ share }) => share > 0)
    .sort((a, b) => b.share - a.share)
    .slice(0, MOST_NAMED);
}

/** The score at the cut of an order: that of its last row taken; null where nothing is. */
export function scoreAtCut(column: Float64Array, ordered: Int32Array, count: number): number | null {
  return count > 0 ? column[ordered[count - 1]!]! : null;
}

function counting(labels: Labels): { of: Labels; counts: Uint32Array; running: Running } {
  const counts = new Uint32Array(256);
  const running = new Running(
    () => counts.fill(0),
    (rows, sign) => {
      for (let i = 0; i < rows.length; i++) counts[labels.codes[rows[i]!]!]! += sign;
    },
  );
  return { of: labels, counts, running };
}
