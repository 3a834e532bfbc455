/**
 * The state of a curation and what follows from it, kept up to date piece by piece.
 *
 * Data flows one way: a state is set, masks follow from its filters, rows are chosen among them, marks tell each
 * view what a row is. Nothing here knows a page or a kernel.
 */

import type { Column } from "./arithmetic";
import { Chooser, type Chosen } from "./chooser";
import { NO_ROWS, type Rows } from "./rows";
import { Running } from "./running";
import { type Asked, letThrough } from "./wish";

/** What a person has asked for; never changed in place. */
export interface State {
  readonly asked: Asked;
  /** What a lasso has caught; null where none is drawn. */
  readonly lasso: Rows | null;
  readonly pinned: Rows;
  readonly excluded: Rows;
}

/** A label column. */
export interface Labels {
  name: string;
  values: string[];
  /** Each row's value; `values.length` where it has none. */
  codes: Uint8Array;
}

/** The numbers of a pool. */
export interface Pool {
  directions: string[];
  scores: Column[];
  tokens: Int32Array;
  status: Uint8Array;
  lastSelectable: number;
}

/** What a row is, for every view: one of the first three, and flags. */
export const GREYED = 0;
export const SHOWN = 1;
export const CHOSEN = 2;
export const PINNED = 4;
export const EXCLUDED = 8;

/** The filters, a bit each in `failed`; a label column has the bits from `LABELS` on. */
export const TEXT = 1;
export const TOKENS = 2;
export const LASSO = 4;
const LABELS = 8;
/** How many columns there can be; the kernel has no more either. */
export const MOST_LABELS = 28; // as many as fit into an integer's 31 bits

export class Curation {
  readonly n: number;
  readonly chooser: Chooser;
  /** Which filters keep a row out. */
  readonly failed: Uint32Array;
  /** Whether all filters let a row through. */
  readonly passing: Uint8Array;
  /** What each row is: GREYED, SHOWN or CHOSEN, and the flags PINNED and EXCLUDED. */
  readonly marks: Uint8Array;
  labels: Labels[] = [];
  chosen: Chosen;
  /** How many rows pass. */
  shown: number;
  /** Another number whenever other rows pass. */
  filtered = 0;
  #marked = { filtered: -1, pinned: NO_ROWS, excluded: NO_ROWS };
  #marking: Running;
  #hits: { text: string; found: Uint8Array } | null = null;
  #state: State;

  constructor(
    readonly pool: Pool,
    state: State,
  ) {
    this.n = pool.tokens.length;
    this.chooser = new Chooser(pool.directions, pool.scores, pool.tokens);
    this.failed = new Uint32Array(this.n);
    this.passing = new Uint8Array(this.n).fill(1);
    this.marks = new Uint8Array(this.n).fill(SHOWN);
    this.shown = this.n;
    this.#state = state;
    this.#marking = this.#newMarking();
    this.chosen = { rows: NO_ROWS, byScore: 0, sequence: NO_ROWS, chosenBy: pool.scores[0]! };
    this.#filterAll();
    this.#choose();
  }

  get state(): State {
    return this.#state;
  }

  /** Set the state; what hasn't changed is not computed again. Says whether the filters have changed. */
  set(state: State): boolean {
    const before = this.#state;
    this.#state = state;
    const [old, now] = [before.asked.filters, state.asked.filters];
    let changed = false;
    if (old.text !== now.text) changed = this.#filterText() || changed;
    if (String(old.tokens) !== String(now.tokens)) changed = this.#filterTokens() || changed;
    if (before.lasso !== state.lasso) changed = this.#filterLasso() || changed;
    if (old.labels !== now.labels) changed = this.#filterLabels() || changed;
    if (changed) this.#pass();
    if (changed || old.narrow !== now.narrow || before.excluded !== state.excluded) this.#sift();
    this.#choose();
    return changed;
  }

  /** The label columns, once they are known. */
  setLabels(labels: Labels[]): void {
    this.labels = labels.slice(0, MOST_LABELS);
    this.#filterAll();
    this.#choose();
  }

  /** Which rows a text was found in; without it, a state with that text lets all rows through. */
  setHits(text: string, found: Uint8Array): void {
    this.#hits = { text, found };
    if (this.#filterText()) {
      this.#pass();
      this.#sift();
      this.#choose();
    }
  }

  /** Whether the hits of a text are known. */
  knows(text: string): boolean {
    return text === "" || this.#hits?.text === text;
  }

  isSelectable(row: number): boolean {
    return this.pool.status[row]! <= this.pool.lastSelectable;
  }

  /** How many rows each value of a label column has among those that the other filters leave. */
  countLabels(column: number): Uint32Array {
    const { codes, values } = this.labels[column]!;
    const others = ~(LABELS << column);
    const counts = new Uint32Array(256);
    for (let row = 0; row < this.n; row++) if ((this.failed[row]! & others) === 0) counts[codes[row]!]!++;
    return counts.subarray(0, values.length);
  }

  /** The rows of a list that pass come first, each part in its order. */
  shownFirst(rows: Int32Array): Int32Array {
    if (this.shown === this.n) return rows;
    const sorted = new Int32Array(rows.length);
    let k = 0;
    for (const wanted of [1, 0]) for (const row of rows) if (this.passing[row] === wanted) sorted[k++] = row;
    return sorted;
  }

  #filterAll(): void {
    this.failed.fill(0);
    this.#filterText();
    this.#filterTokens();
    this.#filterLasso();
    this.#filterLabels();
    this.#pass();
    this.#sift();
  }

  #filterText(): boolean {
    const { text } = this.#state.asked.filters;
    const found = this.#hits?.text === text ? this.#hits.found : null;
    return this.#fail(TEXT, text === "" || found === null ? null : (row) => found[row >> 3]! & (1 << (row & 7)));
  }

  #filterTokens(): boolean {
    const [fewest, most] = this.#state.asked.filters.tokens;
    const { tokens } = this.pool;
    const inside = (row: number): boolean =>
      (fewest === null || tokens[row]! >= fewest) && (most === null || tokens[row]! <= most);
    return this.#fail(TOKENS, fewest === null && most === null ? null : inside);
  }

  #filterLasso(): boolean {
    const { lasso } = this.#state;
    if (lasso === null) return this.#fail(LASSO, null);
    const inside = new Uint8Array(this.n);
    for (const row of lasso) inside[row] = 1;
    return this.#fail(LASSO, (row) => inside[row]!);
  }

  #filterLabels(): boolean {
    let changed = false;
    this.labels.forEach(({ name, values, codes }, i) => {
      const wanted = letThrough(this.#state.asked.filters, name);
      const lets = values.map((value) => wanted?.includes(value) ?? true);
      changed = this.#fail(LABELS << i, wanted === undefined ? null : (row) => lets[codes[row]!] ?? false) || changed;
    });
    return changed;
  }

  /** Write one filter's bit; null lets all rows through. Says whether anything changed. */
  #fail(bit: number, passes: ((row: number) => number | boolean) | null): boolean {
    let changed = false;
    for (let row = 0; row < this.n; row++) {
      const failed = passes === null || passes(row) ? this.failed[row]! & ~bit : this.failed[row]! | bit;
      if (failed !== this.failed[row]) {
        this.failed[row] = failed;
        changed = true;
      }
    }
    return changed;
  }

  #pass(): void {
    this.filtered++;
    this.shown = 0;
    for (let row = 0; row < this.n; row++) {
      const passes = this.failed[row] === 0 ? 1 : 0;
      this.passing[row] = passes;
      this.shown += passes;
    }
  }

  /** Tell the chooser which rows are candidates. */
  #sift(): void {
    const { excluded, asked } = this.#state;
    const narrowed = asked.filters.narrow && this.shown < this.n;
    if (!narrowed && excluded.length === 0) {
      this.chooser.setCandidates(null);
      return;
    }
    const candidates = narrowed ? this.passing.slice() : new Uint8Array(this.n).fill(1);
    for (const row of excluded) candidates[row] = 0;
    this.chooser.setCandidates(candidates);
  }

  #choose(): void {
    const { asked, pinned, excluded } = this.#state;
    this.chosen = this.chooser.choose(asked.wish, pinned);
    if (
      this.#marked.filtered !== this.filtered ||
      this.#marked.pinned !== pinned ||
      this.#marked.excluded !== excluded
    ) {
      this.#marked = { filtered: this.filtered, pinned, excluded };
      this.#marking = this.#newMarking();
    }
    this.#marking.to(this.chosen.rows);
    for (const row of pinned) this.marks[row]! |= PINNED;
    for (const row of excluded) this.marks[row]! |= EXCLUDED;
  }

  /** Marks that follow the chosen rows, as long as filters, pins and exclusions stay. */
  #newMarking(): Running {
    const { marks, passing } = this;
    return new Running(
      () => marks.set(passing), // GREYED and SHOWN are what `passing` holds
      (rows, sign) => {
        if (sign > 0) for (let i = 0; i < rows.length; i++) marks[rows[i]!] = CHOSEN;
        else for (let i = 0; i < rows.length; i++) marks[rows[i]!] = passing[rows[i]!]!;
      },
    );
  }
}
