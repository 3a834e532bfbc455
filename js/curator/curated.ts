/**
 * A pool as the Curator's page sees it: what its views show, and what a step needs to know.
 *
 * There are two: a pool that the page holds whole (`CuratorPicture`), which answers everything exactly and at once;
 * and one that is too large for that (`LargePicture`), of which the kernel tells sums, and the rows in view.
 */

import type { Sort } from "../core/ordering";
import type { Rows } from "../core/rows";
import type { State } from "../core/curation";
import type { AmountProps } from "../views/amount";
import type { BudgetProps } from "../views/budget";
import type { FiltersProps } from "../views/filters";
import type { HistogramProps } from "../views/histogram";
import type { Host } from "../views/host";
import type { RowState, TableRows } from "../views/table";
import type { KnownRows } from "./known";
import type { LassoMode } from "../views/scatter";

export interface Curated {
  /** Rows of the pool. */
  readonly n: number;
  readonly directions: readonly string[];
  /** The state that is shown; set by `set`. */
  readonly state: State;
  /** Another number whenever something about a row may be another. */
  readonly version: number;
  /** Whether what is shown is still about an earlier state. */
  readonly waiting: boolean;

  /** How it is looked at. */
  sort: Sort;
  /** The direction whose histogram is shown, where the directions aren't merged into one score. */
  direction: number;
  /** Whose scores are cut: a direction's, or with null those that they are merged into. */
  readonly histogramOf: number | null;
  /** What the scores are that rows are chosen by. */
  readonly scores: "plain" | "adjusted";

  set(state: State): void;
  /** Read the label columns. */
  readLabels(): Promise<void>;

  amount(): AmountProps;
  histogram(): HistogramProps;
  filters(): Pick<FiltersProps, "labels" | "counts" | "shown" | "tokens">;
  budget(overlap: BudgetProps["overlap"]): BudgetProps;
  rows(): TableRows;
  cell(row: number, key: "rank" | "score" | "tokens" | "label"): string;
  facts(row: number): { name: string; value: string }[];
  stateOf(row: number): RowState;
  /** The label column of the table and the budget. */
  shownLabel(): { name: string } | null;

  /** How many rows are chosen. */
  readonly chosen: number;
  /** The chosen rows, the same object as long as they are the same; null where the page doesn't know them. */
  readonly chosenRows: Rows | null;
  /** How many rows a fraction is of. */
  readonly candidates: number;
  /** How many candidates score beyond a value of the histogram. */
  beyond(value: number, direction: number | null): number;
  /** Whether a state with that text can be shown at once. */
  knows(text: string): boolean;
  /** Look for a text; what is called then lets states with it be shown. */
  search(text: string): Promise<() => void>;
  /** The rows that the filters leave and that may be chosen. */
  shownRows(): Promise<Rows>;
}

/** Whom a pool tells. */
export interface Audience {
  changed(): void;
  failed(error: unknown): void;
  /** Let the kernel know of the latest state, for what it is asked next is about that. */
  settle(): void;
}

/** What a person does on the map. */
export interface MapHandlers {
  lasso(rows: Int32Array, mode: LassoMode): void;
  clearLasso(): void;
  pick(row: number): void;
  describe(row: number): string;
}

/** The map's part of the page, and the choice of what it shows. */
export interface CuratorMap {
  readonly element: HTMLElement;
  /** Whether it is so large that it stands alone in its column. */
  readonly large: boolean;
  update(current: number | null): void;
}

/** Opens a pool for a page to show. */
export type OpenPool = (
  state: State,
  known: KnownRows,
  audience: Audience,
  signal: AbortSignal,
) => { curated: Curated; map(host: Host, handlers: MapHandlers): CuratorMap };
