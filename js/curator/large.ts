/**
 * A pool that is too large for the page: the kernel sums up what each stop of the slider chooses, and tells the rows
 * in view. While a slider moves, everything follows from the sums at hand; what else changes is asked for.
 */

import { scored } from "../core/amounts";
import type { Labels, State } from "../core/curation";
import type { Sort } from "../core/ordering";
import { has, type Rows } from "../core/rows";
import { mostFrequent } from "../core/summary";
import { asJson, weightOf } from "../core/wish";
import type { AmountProps } from "../views/amount";
import type { BudgetProps } from "../views/budget";
import type { FiltersProps } from "../views/filters";
import type { HistogramProps } from "../views/histogram";
import type { RowState } from "../views/table";
import type { Audience, Curated, OpenPool } from "./curated";
import type { KnownRows } from "./known";
import { NoMap } from "./large_map";
import { LargeRows } from "./large_rows";
import { LargeSums, type Question } from "./large_sums";
import { ADJUSTED, fixedCut, histogramOf, scoreLabel } from "./picture";
import type { LargeSource, OpenedLarge } from "./source";

export function large(source: LargeSource, opened: OpenedLarge): OpenPool {
  return (state, known, audience, signal) => {
    const curated = new LargePicture(source, opened, state, known, audience, signal);
    return { curated, map: () => new NoMap(curated, audience) };
  };
}

const SETS = ["lasso", "pinned", "excluded"] as const;

export class LargePicture implements Curated {
  readonly n: number;
  readonly directions: readonly string[];
  readonly chosenRows = null;
  sort: Sort = { key: "rank", descending: false };
  /** The label columns, once they are read. */
  labels: Omit<Labels, "codes">[] = [];
  #direction = 0;
  #label: string | null = null;
  #state: State;
  #changes = 0;
  /** Counts the changes of sets of rows, which are too long to be compared. */
  #sets = 0;
  /** The text that the kernel has found last. */
  #found = "";
  #sums: LargeSums;
  #rows: LargeRows;
  #order: string;

  constructor(
    private readonly source: LargeSource,
    private readonly opened: OpenedLarge,
    state: State,
    known: KnownRows,
    private readonly audience: Audience,
    signal: AbortSignal,
  ) {
    this.n = opened.n;
    this.directions = opened.directions;
    this.#state = state;
    this.#sums = new LargeSums(source, opened.scored, audience, signal, this.#question());
    this.#order = this.#orderKey();
    this.#rows = new LargeRows(opened.n, source, known, audience, signal, this.#sorted());
  }

  get state(): State {
    return this.#state;
  }

  get version(): number {
    return this.#changes + this.#rows.version;
  }

  get waiting(): boolean {
    return this.#sums.waiting;
  }

  get chosen(): number {
    return this.#sums.stop.rows;
  }

  get candidates(): number {
    return this.#sums.valid;
  }

  get direction(): number {
    return this.#direction;
  }

  set direction(direction: number) {
    this.#direction = direction;
    this.#sums.follow(this.#question());
  }

  get histogramOf(): number | null {
    return histogramOf(this.directions, this.#state, this.#direction);
  }

  get scores(): "plain" | "adjusted" {
    return this.state.asked.wish.adjust === "none" ? "plain" : "adjusted";
  }

  set(state: State): void {
    const before = this.#state;
    this.#state = state;
    if (SETS.some((set) => before[set] !== state[set])) this.#sets++;
    this.#follow();
  }

  async readLabels(): Promise<void> {
    this.labels = await this.source.labels();
    this.#follow();
  }

  /** Show another label column in the table and the budget. */
  show(label: string): void {
    this.#label = label;
    this.#follow();
  }

  amount(): AmountProps {
    const { wish } = this.state.asked;
    const { byScore } = this.#sums.stop;
    return {
      wish,
      directions: [...this.directions],
      candidates: this.candidates,
      chosen: byScore,
      cut: this.directions.length === 1 || this.histogramOf === null ? this.#sums.cut(this.histogramOf) : null,
      // Under a union each direction takes so many, and how many of them are the same is known once they are summed up.
      inRows: (other) => {
        const several = this.directions.filter((name) => weightOf(other, name) > 0).length;
        const each = other.merge === "union" && other.end !== "random" ? several : 1;
        return { ...other, size: { k: Math.max(1, Math.round(byScore / Math.max(1, each))) } };
      },
    };
  }

  histogram(): HistogramProps {
    const { wish } = this.state.asked;
    const of = this.histogramOf;
    const fixed = fixedCut(this.directions, wish);
    const { low, high, all, shownBins } = this.#sums.sums;
    return {
      label: scoreLabel(this.directions, of, wish.adjust),
      low,
      high,
      all,
      shown: shownBins,
      chosen: this.#sums.stop.bins,
      cut: fixed !== null ? null : "threshold" in wish.size ? wish.size.threshold : this.#sums.cut(of),
      fixed,
    };
  }

  filters(): Pick<FiltersProps, "labels" | "counts" | "shown" | "tokens"> {
    const { counts, shown } = this.#sums.sums;
    return { labels: this.labels, counts, shown: shown ?? this.n, tokens: this.opened.tokens };
  }

  budget(overlap: BudgetProps["overlap"]): BudgetProps {
    const { byScore, rows, tokens, labels } = this.#sums.stop;
    const merged = this.histogramOf === null;
    const cuts = (merged ? ["merged"] : this.directions).map((name, i) => ({
      name,
      score: this.#sums.cut(merged ? null : i),
    }));
    const isCut = fixedCut(this.directions, this.state.asked.wish) === null;
    const label = this.labels.find(({ name }) => name === this.shownLabel()?.name);
    return {
      rows,
      pinned: rows - byScore,
      tokens,
      share: this.opened.scored > 0 ? rows / this.opened.scored : 0,
      cuts: isCut ? cuts.filter((cut): cut is { name: string; score: number } => cut.score !== null) : [],
      overlap,
      labels: label === undefined ? [] : mostFrequent(label.values, labels, rows),
    };
  }

  rows(): LargeRows {
    const order = this.#orderKey();
    if (order !== this.#order) {
      this.#order = order;
      this.#rows.reorder(this.#sorted());
    }
    return this.#rows;
  }

  cell(row: number, key: "rank" | "score" | "tokens" | "label"): string {
    const known = this.#rows.get(row);
    if (known === undefined) return "…";
    if (key === "rank") return known.rank === 0 ? "–" : String(known.rank);
    if (key === "tokens") return String(known.tokens);
    if (key === "score") return scored(known.score);
    const column = this.labels.findIndex(({ name }) => name === this.shownLabel()?.name);
    return this.labels[column]?.values[known.labels[column]!] ?? "";
  }

  facts(row: number): { name: string; value: string }[] {
    this.#rows.look(row);
    const known = this.#rows.get(row);
    if (known === undefined) return [];
    const { adjust } = this.state.asked.wish;
    return [
      { name: "rank", value: this.cell(row, "rank") },
      ...this.directions.flatMap((name, i) => [
        { name, value: scored(known.scores[i]!) },
        ...known.adjusted
          .slice(i, i + 1)
          .map((score) => ({ name: `${name}${ADJUSTED[adjust]}`, value: scored(score) })),
      ]),
      { name: "tokens", value: String(known.tokens) },
      ...this.labels.map(({ name, values }, i) => ({ name, value: values[known.labels[i]!] ?? "–" })),
    ];
  }

  stateOf(row: number): RowState {
    const { asked, pinned, excluded } = this.state;
    const known = this.#rows.get(row);
    const [pin, exclude] = [has(pinned, row), has(excluded, row)];
    if (known === undefined) return { chosen: pin, shown: true, pinned: pin, excluded: exclude, quarantined: null };
    const { amount } = this.#sums;
    const taken =
      "threshold" in asked.wish.size && asked.wish.end === "top" ? known.entering >= amount : known.entering <= amount;
    return {
      chosen: pin || (taken && !exclude),
      shown: known.shown,
      pinned: pin,
      excluded: exclude,
      quarantined:
        known.status <= this.opened.lastSelectable ? null : (this.opened.statuses[known.status] ?? "unknown"),
    };
  }

  /** The label column of the table and the budget: the one asked for, else the source's first. */
  shownLabel(): { name: string } | null {
    const asked = this.labels.find(({ name }) => name === this.#label);
    return asked ?? this.labels.find(({ name }) => name !== "status") ?? null;
  }

  beyond(value: number, direction: number | null): number {
    return this.#sums.beyond(value, direction);
  }

  knows(text: string): boolean {
    return text === "" || this.#found === text;
  }

  async search(text: string): Promise<() => void> {
    await this.source.search(text);
    return () => (this.#found = text);
  }

  shownRows(): Promise<Rows> {
    this.audience.settle();
    return this.source.shown();
  }

  #follow(): void {
    this.#changes++;
    this.#sums.follow(this.#question());
  }

  #question(): Question {
    const direction = this.histogramOf;
    const label = this.shownLabel()?.name ?? null;
    const key = JSON.stringify([this.#shape(), direction, label, this.labels.length]);
    return { key, state: this.#state, direction, label };
  }

  /** Everything that is asked for but the amount. */
  #shape(): unknown[] {
    const { wish, filters } = this.#state.asked;
    return [asJson({ wish: { ...wish, size: { fraction: 1 } }, filters }), "threshold" in wish.size, this.#sets];
  }

  #sorted(): { key: string; descending: boolean; label: string | null } {
    return { ...this.sort, label: this.sort.key === "label" ? (this.shownLabel()?.name ?? null) : null };
  }

  /** What the order of the rows, and what is said of them, changes with. */
  #orderKey(): string {
    const { size, merge } = this.#state.asked.wish;
    const weights = this.directions
      .map((name) => weightOf(this.#state.asked.wish, name))
      .filter((weight) => weight > 0);
    // Directions that take as many rows each go on in one sequence; otherwise each amount has an order of its own.
    const uneven = merge === "union" && ("threshold" in size || weights.some((weight) => weight !== weights[0]));
    return JSON.stringify([
      this.#shape(),
      this.#sorted(),
      this.labels.length,
      uneven && weights.length > 1 ? size : null,
    ]);
  }
}
