/** A pool that the page holds whole: what each view shows is derived from the state, and nothing twice. */

import { scored } from "../core/amounts";
import { Bins } from "../core/bins";
import { CHOSEN, Curation, EXCLUDED, type Labels, PINNED, type State } from "../core/curation";
import { Ordering, type Sort } from "../core/ordering";
import { type Rows, rowsOf } from "../core/rows";
import { scoreAtCut, Totals } from "../core/summary";
import type { Adjust, Wish } from "../core/wish";
import type { AmountProps } from "../views/amount";
import type { BudgetProps } from "../views/budget";
import type { FiltersProps } from "../views/filters";
import type { HistogramProps } from "../views/histogram";
import type { ScatterColour } from "../views/scatter";
import type { RowState } from "../views/table";
import type { Audience, Curated } from "./curated";
import type { KnownRows } from "./known";
import type { Opened, Source } from "./source";
import { WholeRows } from "./whole_rows";

/** What is said of scores that are adjusted. */
export const ADJUSTED: Record<Adjust, string> = {
  none: "",
  "length-residual": ", length taken out",
  "length-strata": ", among rows of like length",
};

export class CuratorPicture implements Curated {
  readonly waiting = false;
  readonly curation: Curation;
  /** The label column that is coloured by, `score`, or `selection`. */
  colourBy = "selection";
  sort: Sort = { key: "rank", descending: false };
  direction = 0;
  version = 0;
  #ordering: Ordering;
  #totals: Totals;
  #rows: WholeRows;
  #tokens: FiltersProps["tokens"];
  #bins = new Map<Float64Array, Bins>();
  #shown = remembered((_filtered: number, bins: Bins): Uint32Array =>
    bins.countWhere(this.curation.shown === this.curation.n ? null : this.curation.passing),
  );
  #counts = remembered((_filtered: number, labels: Labels[]): Uint32Array[] =>
    labels.map((_, column) => this.curation.countLabels(column)),
  );

  constructor(
    private readonly source: Source,
    private readonly opened: Opened,
    state: State,
    known: KnownRows,
    audience: Audience,
    signal: AbortSignal,
  ) {
    this.curation = new Curation(opened.pool, state);
    this.#ordering = new Ordering(this.curation);
    this.#totals = new Totals(this.curation);
    this.#rows = new WholeRows(known, audience, signal);
    this.#tokens = extent(opened.pool.tokens);
  }

  get n(): number {
    return this.curation.n;
  }

  get directions(): readonly string[] {
    return this.opened.pool.directions;
  }

  get state(): State {
    return this.curation.state;
  }

  get chosen(): number {
    return this.curation.chosen.rows.length;
  }

  get chosenRows(): Rows {
    return this.curation.chosen.rows;
  }

  get candidates(): number {
    return this.curation.chooser.valid;
  }

  set(state: State): void {
    this.curation.set(state);
    this.version++;
  }

  async readLabels(): Promise<void> {
    this.curation.setLabels(await this.source.labels());
    this.version++;
  }

  /** Colour the map by something else, and show it in the table where it is a label column. */
  colour(by: string): void {
    this.colourBy = by;
    this.version++;
  }

  beyond(value: number, direction: number | null): number {
    const { wish } = this.state.asked;
    const { column, ordered } = this.curation.chooser.cut(wish, direction);
    const lowest = wish.end === "bottom";
    let beyond = 0;
    // The order is sorted, so the number of rows beyond the value is found by halving.
    for (let high = ordered.length; beyond < high;) {
      const middle = (beyond + high) >> 1;
      const score = column[ordered[middle]!]!;
      if (lowest ? score <= value : score >= value) beyond = middle + 1;
      else high = middle;
    }
    return beyond;
  }

  knows(text: string): boolean {
    return this.curation.knows(text);
  }

  async search(text: string): Promise<() => void> {
    const found = await this.source.search(text);
    return () => {
      this.curation.setHits(text, found);
      this.version++;
    };
  }

  shownRows(): Promise<Rows> {
    const { curation } = this;
    return Promise.resolve(rowsOf((row) => curation.passing[row]! && curation.isSelectable(row), curation.n));
  }

  get histogramOf(): number | null {
    return histogramOf(this.directions, this.state, this.direction);
  }

  /** What the scores are that rows are chosen by. */
  get scores(): "plain" | "adjusted" {
    return this.curation.state.asked.wish.adjust === "none" ? "plain" : "adjusted";
  }

  amount(): AmountProps {
    const { chooser, chosen, state } = this.curation;
    const { wish } = state.asked;
    // Under a union there are as many cuts as directions, and no one score to show.
    const cut = chooser.names.length === 1 || this.histogramOf === null ? this.#cut(this.histogramOf) : null;
    return {
      wish,
      directions: chooser.names,
      candidates: chooser.valid,
      chosen: chosen.byScore,
      cut,
      inRows: (other) => ({ ...other, size: { k: chooser.askFor(other, chosen.byScore) } }),
    };
  }

  histogram(): HistogramProps {
    const { chosen, chooser, state, filtered } = this.curation;
    const { wish } = state.asked;
    const of = this.histogramOf;
    const column = of === null ? chosen.chosenBy : chooser.column(of, wish);
    const bins = this.#binsOf(column);
    const fixed = fixedCut(this.directions, wish);
    return {
      label: scoreLabel(this.directions, of, wish.adjust),
      low: bins.low,
      high: bins.high,
      all: bins.whole,
      shown: this.#shown(filtered, bins),
      chosen: bins.count(chosen.rows),
      cut: fixed !== null ? null : "threshold" in wish.size ? wish.size.threshold : this.#cut(of),
      fixed,
    };
  }

  filters(): Pick<FiltersProps, "labels" | "counts" | "shown" | "tokens"> {
    const { filtered, labels, shown } = this.curation;
    return { labels, counts: this.#counts(filtered, labels), shown, tokens: this.#tokens };
  }

  budget(overlap: BudgetProps["overlap"]): BudgetProps {
    const { chooser, state } = this.curation;
    const names = this.histogramOf === null ? ["merged"] : chooser.names;
    const cuts = names.map((name, i) => ({ name, score: this.#cut(this.histogramOf === null ? null : i) }));
    const isCut = fixedCut(this.directions, state.asked.wish) === null;
    const label = this.shownLabel();
    return {
      ...this.#totals.summary(),
      cuts: isCut ? cuts.filter((cut): cut is { name: string; score: number } => cut.score !== null) : [],
      overlap,
      labels: label === null ? [] : this.#totals.shares(label),
    };
  }

  colours(): ScatterColour {
    const { adjust } = this.curation.state.asked.wish;
    const label = this.curation.labels.find(({ name }) => `label ${name}` === this.colourBy);
    if (label !== undefined) return { by: "label", codes: label.codes, names: label.values, label: label.name };
    if (this.colourBy === "score")
      return { by: "score", values: this.curation.chosen.chosenBy, label: `score${ADJUSTED[adjust]}` };
    return { by: "selection" };
  }

  rows(): WholeRows {
    this.#rows.order = this.#ordering.rows(this.sort, this.shownLabel()?.codes ?? null, this.curation.filtered);
    return this.#rows;
  }

  cell(row: number, key: "rank" | "score" | "tokens" | "label"): string {
    if (key === "rank") return this.#ordering.ranks[row]! < 0 ? "–" : String(this.#ordering.ranks[row]! + 1);
    if (key === "tokens") return String(this.curation.pool.tokens[row]);
    if (key === "label") {
      const label = this.shownLabel();
      return label?.values[label.codes[row]!] ?? "";
    }
    return scored(this.curation.chosen.chosenBy[row]!);
  }

  facts(row: number): { name: string; value: string }[] {
    const { chooser, labels, pool, state } = this.curation;
    const { wish } = state.asked;
    return [
      { name: "rank", value: this.cell(row, "rank") },
      ...chooser.names.flatMap((name, i) => [
        { name, value: scored(pool.scores[i]![row]!) },
        ...(wish.adjust === "none"
          ? []
          : [{ name: `${name}${ADJUSTED[wish.adjust]}`, value: scored(chooser.column(i, wish)[row]!) }]),
      ]),
      { name: "tokens", value: String(pool.tokens[row]) },
      ...labels.map(({ name, values, codes }) => ({ name, value: values[codes[row]!] ?? "–" })),
    ];
  }

  stateOf(row: number): RowState {
    const { marks, passing, pool } = this.curation;
    return {
      chosen: (marks[row]! & CHOSEN) !== 0,
      shown: passing[row] === 1,
      pinned: (marks[row]! & PINNED) !== 0,
      excluded: (marks[row]! & EXCLUDED) !== 0,
      quarantined: this.curation.isSelectable(row) ? null : (this.opened.statuses[pool.status[row]!] ?? "unknown"),
    };
  }

  /** The label column of the table and the budget: the one coloured by, else the source's first. */
  shownLabel(): Labels | null {
    const { labels } = this.curation;
    const coloured = labels.find(({ name }) => `label ${name}` === this.colourBy);
    return coloured ?? labels.find(({ name }) => name !== "status") ?? null;
  }

  /** The score of the last row that is taken of a direction, or of the merged scores. */
  #cut(direction: number | null): number | null {
    const { column, ordered, count } = this.curation.chooser.cut(this.curation.state.asked.wish, direction);
    return scoreAtCut(column, ordered, count);
  }

  #binsOf(column: Float64Array): Bins {
    let bins = this.#bins.get(column);
    if (bins === undefined) {
      if (this.#bins.size > this.curation.chooser.names.length) this.#bins.clear(); // merged columns come and go
      bins = new Bins(column);
      this.#bins.set(column, bins);
    }
    return bins;
  }
}

/** A function that answers the same arguments as last time without computing. */
function remembered<A extends unknown[], R>(compute: (...args: A) => R): (...args: A) => R {
  let last: { args: A; result: R } | null = null;
  return (...args) => {
    if (last === null || args.some((value, i) => value !== last!.args[i])) last = { args, result: compute(...args) };
    return last.result;
  };
}

/** Whose scores are cut, given the direction that is looked at. */
export function histogramOf(directions: readonly string[], { asked }: State, direction: number): number | null {
  const { merge } = asked.wish;
  return directions.length > 1 && (merge === "mean-z" || merge === "max") ? null : direction;
}

/** What the scores of a histogram are. */
export function scoreLabel(directions: readonly string[], of: number | null, adjust: Adjust): string {
  return `${of === null ? "merged z-score" : `score by ${directions[of]!}`}${ADJUSTED[adjust]}`;
}

/** Why a histogram's cut can't be dragged; null where it can. */
export function fixedCut(directions: readonly string[], { end, merge }: Wish): string | null {
  if (end === "random") return "Random rows have no cut.";
  return merge === "round-robin" && directions.length > 1 ? "Rows are taken in turns." : null;
}

function extent(values: Int32Array): { low: number; high: number } {
  let [low, high] = [Infinity, 0];
  for (const n of values) {
    low = Math.min(low, n);
    high = Math.max(high, n);
  }
  return { low: Math.min(low, high), high };
}
