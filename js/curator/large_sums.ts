/**
 * The sums of a pool that is too large for the page, as the kernel tells them: one question is open at a time, and
 * while it is, what was known before is shown.
 */

import { size } from "../core/arithmetic";
import { BINS } from "../core/bins";
import type { State } from "../core/curation";
import { type Stop, Stops } from "../core/stops";
import type { Audience } from "./curated";
import type { LargeSource, Sums } from "./source";

const REST = 200; // milliseconds after which an amount between two stops is summed up, too

const NO_BINS = new Uint32Array(BINS);
const NOTHING: Stop = {
  exact: false,
  byScore: 0,
  rows: 0,
  tokens: 0,
  bins: NO_BINS,
  labels: new Uint32Array(),
  cuts: new Float64Array(),
};

/** What is to be summed up. */
export interface Question {
  /** What the sums change with, but for the amount. */
  key: string;
  state: State;
  /** Whose scores the histogram is of; null for those that rows are chosen by. */
  direction: number | null;
  /** The label column whose values are counted. */
  label: string | null;
}

export class LargeSums {
  /** The totals of what is asked for, as far as they are known. */
  stop = NOTHING;
  #question: Question;
  #known: { of: Question; sums: Sums; stops: Stops } | null = null;
  #asking = false;
  /** What could not be summed up: it isn't asked again. */
  #failed: string | null = null;
  #resting: ReturnType<typeof setTimeout> | undefined;

  constructor(
    private readonly source: LargeSource,
    private readonly scored: number,
    private readonly audience: Audience,
    private readonly signal: AbortSignal,
    question: Question,
  ) {
    this.#question = question;
    signal.addEventListener("abort", () => clearTimeout(this.#resting));
    void this.#ask();
  }

  /** Sum up something else. */
  follow(question: Question): void {
    this.#question = question;
    this.#look();
    clearTimeout(this.#resting);
    if (this.waiting) void this.#ask();
    else if (!this.stop.exact) this.#resting = setTimeout(() => void this.#ask(), REST);
  }

  /** Whether what is known is about something else. */
  get waiting(): boolean {
    const { key } = this.#question;
    return this.#known?.of.key !== key && this.#failed !== key;
  }

  get sums(): Pick<Sums, "low" | "high" | "all" | "shownBins" | "counts"> & { shown: number | null } {
    return this.#known?.sums ?? { low: 0, high: 1, all: NO_BINS, shownBins: NO_BINS, counts: [], shown: null };
  }

  /** How many rows a fraction is of. */
  get valid(): number {
    return this.#known?.sums.valid ?? this.scored;
  }

  /** Rows asked for, of each direction where each takes its own; or the threshold. */
  get amount(): number {
    const { size: wanted } = this.#question.state.asked.wish;
    if ("threshold" in wanted) return wanted.threshold;
    return "k" in wanted ? wanted.k : size(wanted.fraction, this.valid);
  }

  /** The score of the last row that is taken of a direction, or of the merged scores. */
  cut(direction: number | null): number | null {
    const cut = this.stop.cuts[this.#queue(direction)] ?? NaN;
    return Number.isNaN(cut) ? null : cut;
  }

  /** How many candidates score beyond a value. */
  beyond(value: number, direction: number | null): number {
    const queue = this.#queue(direction);
    return queue < 0 ? 0 : this.#known!.stops.beyond(value, queue, this.#question.state.asked.wish.end === "bottom");
  }

  #queue(direction: number | null): number {
    return this.#known?.sums.queues.indexOf(direction) ?? -1;
  }

  #look(): void {
    const known = this.#known;
    // Numbers of rows and thresholds are amounts of different kinds: the totals stay until those asked for are known.
    if (known === null || byThreshold(known.of) !== byThreshold(this.#question)) return;
    const stop = known.stops.at(this.amount);
    this.stop = known.of.label === this.#question.label ? stop : { ...stop, labels: NOTHING.labels };
  }

  async #ask(): Promise<void> {
    if (this.#asking || this.signal.aborted) return;
    const of = this.#question;
    this.#asking = true;
    this.audience.settle();
    try {
      const sums = await this.source.sums(of.direction, of.label);
      this.#known = { of, sums, stops: new Stops(sums.stops) };
      this.#look();
    } catch (error) {
      this.#failed = of.key;
      this.audience.failed(error);
    }
    this.#asking = false;
    this.audience.changed();
    if (this.waiting) void this.#ask();
  }
}

function byThreshold({ state }: Question): boolean {
  return "threshold" in state.asked.wish.size;
}
