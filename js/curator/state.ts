/** What a person does with the controls, as states one after the other: live while dragging, then a step of undo. */

import { type Curation, EXCLUDED, PINNED, type State } from "../core/curation";
import { History } from "../core/history";
import { both, type Rows, rowsOf, without } from "../core/rows";
import { type Filters, type Size, weightOf, type Wish } from "../core/wish";
import type { LassoMode } from "../views/scatter";
import type { Memory } from "./memory";
import type { Source } from "./source";

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
  /** The text that is searched for, as long as nothing else is asked. */
  #sought = "";
  #history: History<State>;

  constructor(
    private readonly curation: Curation,
    private readonly source: Source,
    private readonly memory: Memory,
    private readonly audience: Audience,
  ) {
    this.live = curation.state;
    this.#history = new History(this.live);
    const { text } = this.live.asked.filters;
    if (!curation.knows(text)) void this.#find(text);
  }

  get canUndo(): boolean {
    return this.#history.canUndo;
  }

  get canRedo(): boolean {
    return this.#history.canRedo;
  }

  wish(wish: Wish, done: boolean): void {
    this.#go({ asked: { ...this.live.asked, wish } }, done);
    if (!done) this.memory.writeSoon(this.live);
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

  async filter(change: Partial<Filters>): Promise<void> {
    const { text } = change;
    if (text !== undefined && (!(await this.#find(text)) || text === this.live.asked.filters.text)) return;
    const { asked } = this.live; // as it is once the text is found
    this.#go({ asked: { ...asked, filters: { ...asked.filters, ...change } } });
  }

  clearFilters(): void {
    const { narrow } = this.live.asked.filters;
    const filters: Filters = { text: "", tokens: [null, null], labels: {}, narrow };
    void this.#find("");
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
    this.memory.write(this.live);
  }

  /** Another state was set by somebody else, `how` in words. */
  arrive(state: State, how: string): void {
    this.live = state;
    this.#history.push(state);
    void this.#arrive(how);
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
    this.memory.write(this.live);
    this.audience.done("");
  }

  /** A state was reached by another way than a control: its text may have to be searched for again. */
  async #arrive(how: string): Promise<void> {
    this.audience.changed();
    if (await this.#find(this.live.asked.filters.text)) this.audience.done(how);
  }

  /** Let the source find a text; false where it couldn't, or where another one is sought by now. */
  async #find(text: string): Promise<boolean> {
    if (this.searching && this.#sought === text) return false; // whoever asked first goes on
    this.#sought = text;
    this.searching = !this.curation.knows(text);
    this.audience.changed();
    if (!this.searching) return true;
    try {
      const found = await this.source.search(text);
      if (this.#sought !== text) return false;
      this.curation.setHits(text, found);
      return true;
    } catch (error) {
      this.audience.failed(error);
      return false;
    } finally {
      if (this.#sought === text) this.searching = false;
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
    const weights = names.map((name) => weightOf(wish, name));
    return weights[direction]! / Math.max(...weights) || 1;
  }
}
