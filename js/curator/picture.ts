/** What each view of the Curator is to show, derived from the state; what doesn't change is not derived again. */

import { scored } from "../core/amounts";
import { Bins } from "../core/bins";
import { CHOSEN, type Curation, EXCLUDED, type Labels, PINNED } from "../core/curation";
import { Ordering, type Sort } from "../core/ordering";
import { scoreAtCut, Totals } from "../core/summary";
import type { Adjust } from "../core/wish";
import type { AmountProps } from "../views/amount";
import type { BudgetProps } from "../views/budget";
import type { HistogramProps } from "../views/histogram";
import type { ScatterColour } from "../views/scatter";
import type { RowState } from "../views/table";
import type { Opened } from "./source";

/** What is said of scores that are adjusted. */
const ADJUSTED: Record<Adjust, string> = {
  none: "",
  "length-residual": ", length taken out",
  "length-strata": ", among rows of like length",
};

export class CuratorPicture {
  /** The label column that is coloured by, `score`, or `selection`. */
  colourBy = "selection";
  sort: Sort = { key: "rank", descending: false };
  /** The direction whose histogram is shown, where the directions aren't merged into one score. */
  direction = 0;
  #ordering: Ordering;
  #totals: Totals;
  #bins = new Map<Float64Array, Bins>();
  #shown = remembered((_filtered: number, bins: Bins): Uint32Array =>
    bins.countWhere(this.curation.shown === this.curation.n ? null : this.curation.passing),
  );
  #counts = remembered((_filtered: number, labels: Labels[]): Uint32Array[] =>
    labels.map((_, column) => this.curation.countLabels(column)),
  );

  constructor(
    private readonly curation: Curation,
    private readonly opened: Opened,
  ) {
    this.#ordering = new Ordering(curation);
    this.#totals = new Totals(curation);
  }

  /** Whose scores are cut: a direction's, or with null those that they are merged into. */
  get histogramOf(): number | null {
    const { wish } = this.curation.state.asked;
    const several = this.curation.chooser.names.length > 1;
    return several && (wish.merge === "mean-z" || wish.merge === "max") ? null : this.direction;
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
    let fixed: string | null = null;
    if (wish.end === "random") fixed = "Random rows have no cut.";
    else if (wish.merge === "round-robin" && chooser.names.length > 1) fixed = "Rows are taken in turns.";
    return {
      label: `${of === null ? "merged z-score" : `score by ${chooser.names[of]!}`}${ADJUSTED[wish.adjust]}`,
      low: bins.low,
      high: bins.high,
      all: bins.whole,
      shown: this.#shown(filtered, bins),
      chosen: bins.count(chosen.rows),
      cut: fixed !== null ? null : "threshold" in wish.size ? wish.size.threshold : this.#cut(of),
      fixed,
    };
  }

  labelCounts(): Uint32Array[] {
    return this.#counts(this.curation.filtered, this.curation.labels);
  }

  budget(overlap: BudgetProps["overlap"]): BudgetProps {
    const { chooser, state } = this.curation;
    const { end, merge } = state.asked.wish;
    const names = this.histogramOf === null ? ["merged"] : chooser.names;
    const cuts = names.map((name, i) => ({ name, score: this.#cut(this.histogramOf === null ? null : i) }));
    const isCut = end !== "random" && !(merge === "round-robin" && chooser.names.length > 1);
    const label = this.shownLabel();
    return {
      ...this.#totals.summary(),
      cuts: isCut ? cuts.filter((cut): cut is { name: string; score: number } => cut.score !== null) : [],
      overlap,
      labels: label === null ? [] : this.#totals.shares(label),
    };
  }

  colour(): ScatterColour {
    const { adjust } = this.curation.state.asked.wish;
    const label = this.curation.labels.find(({ name }) => `label ${name}` === this.colourBy);
    if (label !== undefined) return { by: "label", codes: label.codes, names: label.values, label: label.name };
    if (this.colourBy === "score")
      return { by: "score", values: this.curation.chosen.chosenBy, label: `score${ADJUSTED[adjust]}` };
    return { by: "selection" };
  }

  rows(): Int32Array {
    return this.#ordering.rows(this.sort, this.shownLabel()?.codes ?? null, this.curation.filtered);
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
