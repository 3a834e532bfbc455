/** What the Curator asks the kernel of a pool that is too large for the page. */

import type { Labels } from "../core/curation";
import type { Rows } from "../core/rows";
import type { StopArrays } from "../core/stops";
import type { LargeRow, LargeSource, Sums, Wanted } from "../curator/source";
import type { RowText } from "../views/table";
import { KernelRows } from "./curator_source";

interface SumsBody {
  valid: number;
  shown: number;
  low: number;
  high: number;
  queues: (number | null)[];
}

interface TableBody {
  texts: RowText[];
}

const LONG = 600; // seconds: a pass over all texts, or all rows sorted anew

export class LargeKernelSource extends KernelRows implements LargeSource {
  readonly overlap = { none: "not computed in a pool this large" }; // it takes every row's strongest neurons

  async labels(): Promise<Omit<Labels, "codes">[]> {
    return (await this.kernel.ask<Omit<Labels, "codes">[]>("labels", {}, { timeout: null })).body;
  }

  async search(text: string): Promise<void> {
    await this.kernel.ask("search", { text }, { timeout: LONG });
  }

  async sums(direction: number | null, label: string | null): Promise<Sums> {
    const { body, arrays } = await this.settled<SumsBody>("sums", { direction, label }, { timeout: null });
    const { valid, shown, low, high, queues } = body;
    const counts: Uint32Array[] = [];
    for (let i = 0; `counts${i}` in arrays; i++) counts.push(arrays[`counts${i}`] as Uint32Array);
    const { all_bins: all, shown_bins: shownBins } = arrays as Record<string, Uint32Array>;
    const stops = arrays as unknown as StopArrays;
    return { stops, valid, shown, low, high, queues, all: all!, shownBins: shownBins!, counts };
  }

  async table(wanted: Wanted, sort: { key: string; descending: boolean; label: string | null }): Promise<LargeRow[]> {
    const { body, arrays } = await this.settled<TableBody>("table", { ...wanted, ...sort }, { timeout: LONG });
    const { texts } = body;
    const column = (name: string): ArrayLike<number> => arrays[name]!;
    /** A row's numbers in an array of (row, …). */
    const own = (name: string, i: number): number[] => {
      const width = column(name).length / texts.length;
      return Array.from({ length: width }, (_, j) => column(name)[i * width + j]!);
    };
    return texts.map((text, i) => ({
      text,
      row: column("rows")[i]!,
      position: column("positions")[i]!,
      rank: column("rank")[i]!,
      score: column("score")[i]!,
      entering: column("entering")[i]!,
      shown: column("shown")[i] === 1,
      tokens: column("tokens")[i]!,
      status: column("status")[i]!,
      scores: own("scores", i),
      adjusted: own("adjusted", i),
      labels: own("labels", i),
    }));
  }

  async shown(): Promise<Rows> {
    return (await this.settled("shown")).arrays.rows as Int32Array;
  }
}
