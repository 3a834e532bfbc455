/** What a person does with the controls, as states one after the other: live while dragging, then a step of undo. */

import { type Curation, EXCLUDED, PINNED, type State } from "../core/curation";
import { History } from "../core/history";
import { both, type Rows, rowsOf, without } from "../core/rows";
import type { Filters, Size, Wish } from "../core/wish";
import type { LassoMode } from "../views/scatter";
import type { CuratorSource } from "./curator_source";
import type { StateSync } from "./state_sync";

/** Whom a controller tells. */
export interface Audience {
  /** Something is to be drawn. */
  changed(): void;
  /** A step is done, `how` in words where it wasn't by a control. */
  done(how: string): void;
  failed(error: unknown): void;
}

export class CuratorState {
  /** The state as the controls stand. */
  live: State;
  searching = false;
  #history: History<State>;

  constructor(
    private readonly curation: Curation,
    private readonly source: CuratorSource,
    private readonly sync: StateSync,
    private readonly audience: Audience,
  ) {
    this.live = curation.state;
    this.#history = new History(this.live);
    const { text } = this.live.asked.filters;
    if (!curation.knows(text)) void this.#search(text);
  }

  get canUndo(): boolean {
    return this.#history.canUndo;
  }

  get canRedo(): boolean {
    return this.#history.canRedo;
  }

  wish(wish: Wish, done: boolean): void {
    this.#go({ asked: { ...this.live.asked, wish } }, done);
    if (!done) this.sync.writeSoon(this.live);
  }

  /**
   * The cut of a histogram is moved: ask for as many rows as lie beyond it, in the terms asked in so far.
   *
   * @param direction Whose scores the histogram is of; null for the merged ones.
   */
  cutAt(value: number, direction: number | null, done: boolean): void {
    const { wish } = this.live.asked;
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
    const count = Math.max(1, Math.round(beyond / this.#share(direction)));
    const { valid } = this.curation.chooser;
    let size: Size = { threshold: value };
    if ("k" in wish.size) size = { k: Math.min(count, valid) };
    else if ("fraction" in wish.size) size = { fraction: Math.min(1, count / Math.max(1, valid)) };
    this.wish({ ...wish, size }, done);
  }

  async filter(filters: Filters): Promise<void> {
    if (!this.curation.knows(filters.text) && !(await this.#search(filters.text))) return;
    this.#go({ asked: { ...this.live.asked, filters } });
  }

  clearFilters(): void {
    const { narrow } = this.live.asked.filters;
    const filters: Filters = { text: "", tokens: [null, null], labels: {}, narrow };
    this.#go({ asked: { ...this.live.asked, filters }, lasso: null });
  }

  lasso(rows: Int32Array, mode: LassoMode): void {
    const caught: Rows = rows.slice().sort();
    const before = this.live.lasso;
    if (mode === "add") this.#go({ lasso: before === null ? caught : both(before, caught) });
    else if (mode === "subtract") {
      this.#go({ lasso: without(before ?? rowsOf(() => true, this.curation.n), caught) });
    } else this.#go({ lasso: caught });
  }

  clearLasso(): void {
    this.#go({ lasso: null });
  }

  /** Pin or exclude all rows that the filters leave. */
  shownByHand(what: "pinned" | "excluded"): void {
    const { curation } = this;
    this.#byHand(
      what,
      rowsOf((row) => curation.passing[row]! && curation.isSelectable(row), curation.n),
      true,
    );
  }

  /** Pin or exclude rows, or, where all of them are already, stop doing so. */
  toggle(what: "pinned" | "excluded", rows: number[]): void {
    const flag = what === "pinned" ? PINNED : EXCLUDED;
    const on = rows.some((row) => (this.curation.marks[row]! & flag) === 0);
    this.#byHand(what, Int32Array.from(rows).sort(), on);
  }

  travel(direction: "undo" | "redo"): void {
    this.#commit();
    this.live = this.#history[direction]();
    void this.#arrive(direction === "undo" ? "Undone" : "Redone");
    this.sync.write(this.live);
  }

  /** Another state was set from Python. */
  fromKernel(state: State): void {
    this.live = state;
    this.#history.push(state);
    void this.#arrive("Set from Python");
  }

  /** Go to another state; `done` when the person has let go. */
  #go(change: Partial<State>, done = true): void {
    this.live = { ...this.live, ...change };
    if (done) this.#commit();
    this.audience.changed();
  }

  #commit(): void {
    if (this.live === this.#history.present) return;
    this.#history.push(this.live);
    this.sync.write(this.live);
    this.audience.done("");
  }

  /** A state was reached by another way than a control: its text may have to be searched for again. */
  async #arrive(how: string): Promise<void> {
    const { text } = this.live.asked.filters;
    if (!this.curation.knows(text)) await this.#search(text);
    this.audience.changed();
    this.audience.done(how);
  }

  /** Let the kernel find a text; says whether it could. */
  async #search(text: string): Promise<boolean> {
    this.searching = true;
    this.audience.changed();
    try {
      this.curation.setHits(text, await this.source.search(text));
      return true;
    } catch (error) {
      this.audience.failed(error);
      return false;
    } finally {
      this.searching = false;
      this.audience.changed();
    }
  }

  /** What is pinned is not excluded, and the other way round. */
  #byHand(what: "pinned" | "excluded", rows: Rows, on: boolean): void {
    const other = what === "pinned" ? "excluded" : "pinned";
    if (!on) this.#go({ [what]: without(this.live[what], rows) });
    else this.#go({ [what]: both(this.live[what], rows), [other]: without(this.live[other], rows) });
  }

  /** Under a union each direction takes its own share of the rows. */
  #share(direction: number | null): number {
    const { wish } = this.live.asked;
    const { names } = this.curation.chooser;
    if (direction === null || wish.merge !== "union" || names.length === 1) return 1;
    const weights = names.map((name) => wish.weights[name] ?? 1);
    return weights[direction]! / Math.max(...weights) || 1;
  }
}
