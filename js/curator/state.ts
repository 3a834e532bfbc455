/** What a person does with the controls, as states one after the other: live while dragging, then a step of undo. */

import type { State } from "../core/curation";
import { History } from "../core/history";
import { both, has, type Rows, rowsOf, without } from "../core/rows";
import { type Filters, type Size, weightOf, type Wish } from "../core/wish";
import type { LassoMode } from "../views/scatter";
import type { Curated } from "./curated";
import type { Memory } from "./memory";

/** Whom a controller tells. */
export interface Listener {
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
    private readonly curated: Curated,
    private readonly memory: Memory,
    private readonly audience: Listener,
  ) {
    this.live = curated.state;
    this.#history = new History(this.live);
    const { text } = this.live.asked.filters;
    if (!curated.knows(text)) void this.#find(text);
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
    const count = Math.max(1, Math.round(this.curated.beyond(value, direction) / this.#share(direction)));
    const { candidates } = this.curated;
    let size: Size = { threshold: value };
    if ("k" in wish.size) size = { k: Math.min(count, candidates) };
    else if ("fraction" in wish.size) size = { fraction: Math.min(1, count / Math.max(1, candidates)) };
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
      this.#go({ lasso: without(before ?? rowsOf(() => true, this.curated.n), caught) });
    } else this.#go({ lasso: caught });
  }

  clearLasso(): void {
    this.#go({ lasso: null });
  }

  /** Pin or exclude all rows that the filters leave. */
  async shownByHand(what: "pinned" | "excluded"): Promise<void> {
    const { live } = this;
    try {
      const rows = await this.curated.shownRows();
      if (this.live === live) this.#byHand(what, rows, true); // of other filters they would be other rows
    } catch (error) {
      this.audience.failed(error);
    }
  }

  /** Pin or exclude rows, or, where all of them are already, stop doing so. */
  toggle(what: "pinned" | "excluded", rows: number[]): void {
    const on = rows.some((row) => !has(this.live[what], row));
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
    this.searching = !this.curated.knows(text);
    this.audience.changed();
    if (!this.searching) return true;
    try {
      const found = await this.curated.search(text);
      if (this.#sought !== text) return false;
      found();
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
    const { directions } = this.curated;
    if (direction === null || wish.merge !== "union" || directions.length === 1) return 1;
    const weights = directions.map((name) => weightOf(wish, name));
    return weights[direction]! / Math.max(...weights) || 1;
  }
}
