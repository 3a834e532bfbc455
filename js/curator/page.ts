/** The Curator: puts controls and views on the page, and hands what happens in one to the others. */

import { count } from "../core/amounts";
import type { SortKey } from "../core/ordering";
import { Amount } from "../views/amount";
import { Budget } from "../views/budget";
import { button, labelled, select } from "../views/controls";
import { h } from "../views/dom";
import { Exporter, type Exporting } from "../views/exporter";
import { Filters } from "../views/filters";
import { Histogram } from "../views/histogram";
import { framed, type Host } from "../views/host";
import { Reader } from "../views/reader";
import { Table } from "../views/table";
import { Trouble } from "../views/trouble";
import { type Columns, columnsOf } from "./columns";
import type { Curated, CuratorMap, OpenPool } from "./curated";
import { KnownRows } from "./known";
import type { Heard, Memory } from "./memory";
import { MeanOverlap } from "./overlap";
import type { About, RowSource } from "./source";
import { CuratorState } from "./state";

/** What a page takes from where it is shown. */
export interface Surroundings {
  /** What keeps the state, and tells of states that are set elsewhere. */
  remember(heard: Heard): Memory;
  /** How rows leave the page. */
  exporting: Exporting;
  /** The columns of the table; all where it isn't said. */
  columns?: readonly string[];
}

export class CuratorPage {
  readonly trouble = new Trouble();
  readonly elements: HTMLElement[];
  #curated: Curated;
  #map: CuratorMap;
  #memory: Memory;
  #known: KnownRows;
  #state: CuratorState;
  #draw: () => void;
  #current: number | null = null;
  /** Counts what was asked to be looked at; what an older ask finds comes too late. */
  #looks = 0;
  #unsaid: string | null = null;
  #overlap: MeanOverlap;
  #columns: Columns;

  #amount: Amount;
  #histogram: Histogram;
  #filters: Filters;
  #budget = new Budget();
  #table: Table;
  #reader: Reader;
  #exporter: Exporter;
  #undo: HTMLButtonElement;
  #redo: HTMLButtonElement;
  #histogramOf: HTMLSelectElement;

  constructor(
    private readonly source: RowSource,
    private readonly opened: About,
    open: OpenPool,
    private readonly host: Host,
    around: Surroundings,
  ) {
    const failed = (error: unknown): void => this.trouble.show(error);
    this.#draw = framed(host.signal, () => this.#render());
    this.#known = new KnownRows(source);
    const overlap = opened.neurons ? source.overlap : { none: "the store keeps scores only" };
    this.#overlap = new MeanOverlap(overlap, host.signal, (error) => {
      if (error !== undefined) this.trouble.show(error);
      this.#draw();
    });
    this.#columns = columnsOf(around.columns, opened.text);
    this.#memory = around.remember({
      state: (state, how) => this.#state.arrive(state, how),
      current: (id) => this.#find(id),
    });
    const settle = (): void => this.#memory.flush();
    const audience = { changed: () => this.#draw(), failed, settle };
    const { curated, map } = open(this.#memory.read(), this.#known, audience, host.signal);
    this.#curated = curated;
    this.#state = new CuratorState(curated, this.#memory, {
      changed: () => this.#draw(),
      done: (how) => {
        this.trouble.clear(); // what it said was about an earlier step
        this.#announce(how);
      },
      failed,
    });
    const state = this.#state;

    this.#amount = new Amount(host, { wish: (wish, done) => state.wish(wish, done) });
    this.#histogram = new Histogram(host, {
      cut: (value, done) => state.cutAt(value, curated.histogramOf, done),
    });
    this.#filters = new Filters(host, {
      filters: (change) => void state.filter(change),
      clearLasso: () => state.clearLasso(),
      clearAll: () => state.clearFilters(),
      pinShown: () => void state.shownByHand("pinned"),
      excludeShown: () => void state.shownByHand("excluded"),
      showByHand: () => this.#sortBy("hand"),
    });
    this.#map = map(host, {
      lasso: (rows, mode) => state.lasso(rows, mode),
      clearLasso: () => state.clearLasso(),
      pick: (row) => this.#look(row),
      describe: (row) => `${curated.cell(row, "score")} · ${this.#known.preview(row, () => this.#draw())}`,
    });
    this.#table = new Table(host, {
      sort: (key) => this.#sortBy(key as SortKey),
      current: (row) => this.#look(row),
      open: (row) => {
        this.#look(row);
        this.#reader.element.scrollIntoView({ block: "nearest" });
      },
      pin: (rows) => state.toggle("pinned", rows),
      exclude: (rows) => this.#exclude(rows),
    });
    this.#reader = new Reader(host, {
      pin: (row) => state.toggle("pinned", [row]),
      exclude: (row) => state.toggle("excluded", [row]),
      previous: () => this.#step(-1),
      next: () => this.#step(1),
    });
    this.#exporter = new Exporter(host, around.exporting, {
      export: (wish, progress) => (settle(), source.export(wish, progress)), // what is written is what the page shows
      code: () => (settle(), source.code()),
    });
    this.#exporter.setPath(opened.export);

    this.#undo = button("Undo", "Ctrl+Z", () => state.travel("undo"));
    this.#redo = button("Redo", "Ctrl+Shift+Z", () => state.travel("redo"));
    this.#histogramOf = select(
      curated.directions.map((name, i) => [String(i), name]),
      (value) => {
        curated.direction = Number(value);
        this.#draw();
      },
    );
    this.elements = this.#layOut();
    for (const element of this.elements) element.addEventListener("keydown", (event) => this.#key(event));
    this.#render();
    curated.readLabels().then(this.#draw, failed);
  }

  #render(): void {
    const { live } = this.#state;
    const curated = this.#curated;
    if (curated.state !== live) curated.set(live);
    this.#amount.update(curated.amount());
    this.#histogram.update(curated.histogram());
    this.#histogramOf.parentElement!.hidden = curated.histogramOf === null || curated.directions.length === 1;
    this.#filters.update({
      ...curated.filters(),
      filters: live.asked.filters,
      lasso: live.lasso === null ? null : live.lasso.length,
      n: curated.n,
      pinned: live.pinned.length,
      excluded: live.excluded.length,
      text: this.opened.text,
      searching: this.#state.searching,
    });
    this.#overlap.choose(curated.chosenRows, () => this.#memory.flush());
    this.#budget.update(curated.budget(this.#overlap.mean));
    this.#map.update(this.#current);
    this.#table.update({
      rows: curated.rows(),
      columns: this.#columns[curated.scores][curated.shownLabel() === null ? "unlabelled" : "labelled"],
      cell: (row, key) => curated.cell(row, key),
      state: (row) => curated.stateOf(row),
      sort: curated.sort,
      current: this.#current,
      version: curated.version,
    });
    for (const view of [this.#histogram, this.#budget]) view.element.setAttribute("aria-busy", String(curated.waiting));
    if (this.#current !== null) this.#read(this.#current);
    this.#undo.disabled = !this.#state.canUndo;
    this.#redo.disabled = !this.#state.canRedo;
    this.#say();
  }

  #read(row: number): void {
    this.#reader.update({
      row,
      title: this.#known.knownId(row) ?? `row ${row + 1}`,
      facts: this.#curated.facts(row),
      state: this.#curated.stateOf(row),
      text: this.opened.text ? () => this.source.sample(row) : null,
    });
  }

  // -- what is looked at

  #look(row: number): void {
    const look = ++this.#looks;
    this.#current = row;
    this.#draw();
    this.#known.id(row).then(
      (id) => {
        if (look === this.#looks) this.#memory.writeCurrent(id);
      },
      (error: unknown) => this.trouble.show(error),
    );
  }

  #find(id: string): void {
    const look = ++this.#looks;
    if (this.#current !== null && this.#known.knownId(this.#current) === id) return;
    this.#known.find(id).then(
      (row) => {
        if (look !== this.#looks) return;
        this.#current = row;
        this.#draw();
      },
      (error: unknown) => this.trouble.show(error),
    );
  }

  #step(by: 1 | -1): void {
    const rows = this.#curated.rows();
    const place = this.#current === null ? -1 : rows.positionOf(this.#current);
    this.#table.goTo(Math.max(0, Math.min(rows.length - 1, place + by)));
  }

  /** Exclude rows, or stop doing so; the place in the table stays, though an excluded row goes to its end. */
  #exclude(rows: number[]): void {
    const order = this.#curated.rows();
    let next = this.#current === null || !rows.includes(this.#current) ? undefined : this.#current;
    for (let place = next === undefined ? -1 : order.positionOf(next); next !== undefined && rows.includes(next);) {
      next = place < 0 ? undefined : order.at(++place);
    }
    const leaves = rows.some((row) => !this.#curated.stateOf(row).excluded);
    this.#state.toggle("excluded", rows);
    if (leaves && next !== undefined) this.#look(next);
  }

  #sortBy(key: SortKey): void {
    const { sort } = this.#curated;
    const highestFirst = key === "score" || key === "tokens" || key === "hand";
    this.#curated.sort = { key, descending: sort.key === key && key !== "hand" ? !sort.descending : highestFirst };
    this.#draw();
  }

  /** Say how a step came and how many rows are chosen now, once that is known. */
  #announce(how: string): void {
    this.#unsaid = how;
    this.#draw();
  }

  #say(): void {
    if (this.#unsaid === null || this.#curated.waiting) return;
    const n = count(this.#curated.chosen);
    this.host.announce(`${this.#unsaid}${this.#unsaid && ": "}${n} rows chosen`);
    this.#unsaid = null;
  }

  // -- the page

  #layOut(): HTMLElement[] {
    const { opened } = this;
    const [map, filters] = [this.#map, this.#filters];
    return [
      h(
        "header",
        { class: "nait-curator-head" },
        h("h3", {}, h("bdi", {}, opened.store)),
        h("bdi", { class: "nait-muted" }, opened.about),
        h("span", { class: "nait-muted" }, opened.greeting),
        h("span", { class: "nait-curator-undo" }, this.#undo, this.#redo),
      ),
      this.trouble.element,
      h(
        "div",
        { class: "nait-curator-grid" },
        h(
          "div",
          { class: "nait-curator-side" },
          this.#amount.element,
          labelled("Histogram of", this.#histogramOf),
          this.#histogram.element,
          map.large && filters.element,
        ),
        map.large ? map.element : h("div", { class: "nait-curator-side" }, filters.element, map.element),
      ),
      this.#budget.element,
      this.#table.element,
      this.#reader.element,
      this.#exporter.element,
    ];
  }

  #key(event: KeyboardEvent): void {
    const { target } = event;
    const typing = target instanceof HTMLInputElement && target.type !== "range" && target.type !== "checkbox";
    const key = event.key.toLowerCase();
    if (typing || !(event.ctrlKey || event.metaKey) || (key !== "z" && key !== "y")) return;
    event.preventDefault();
    event.stopPropagation();
    this.#state.travel(key === "y" || event.shiftKey ? "redo" : "undo");
  }
}
