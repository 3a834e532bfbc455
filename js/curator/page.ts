/** The Curator: puts controls and views on the page, and hands what happens in one to the others. */

import { count } from "../core/amounts";
import { Curation } from "../core/curation";
import type { SortKey } from "../core/ordering";
import { Amount } from "../views/amount";
import { Budget } from "../views/budget";
import { button, labelled, type Option, options, select } from "../views/controls";
import { fill, h } from "../views/dom";
import { Exporter, type Exporting } from "../views/exporter";
import { Filters } from "../views/filters";
import { Histogram } from "../views/histogram";
import { framed, type Host } from "../views/host";
import { Reader } from "../views/reader";
import { Scatter, type ScatterData } from "../views/scatter";
import { Table } from "../views/table";
import { Trouble } from "../views/trouble";
import { type Columns, columnsOf } from "./columns";
import { KnownRows } from "./known";
import type { Heard, Memory } from "./memory";
import { MeanOverlap } from "./overlap";
import { CuratorPicture } from "./picture";
import type { Opened, Source } from "./source";
import { CuratorState } from "./state";

const MAPS: Record<string, string> = { pca: "PCA", umap: "UMAP", tsne: "t-SNE" };

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
  #curation: Curation;
  #memory: Memory;
  #known: KnownRows;
  #nowhere: ScatterData;
  #tokens: { low: number; high: number };
  #state: CuratorState;
  #picture: CuratorPicture;
  #draw: () => void;
  #version = 0;
  #current: number | null = null;
  /** Counts what was asked to be looked at; what an older ask finds comes too late. */
  #looks = 0;
  #map: { data: ScatterData; axes: string } | null = null;
  #overlap: MeanOverlap;
  #columns: Columns;

  #amount: Amount;
  #histogram: Histogram;
  #filters: Filters;
  #budget = new Budget();
  #scatter: Scatter;
  #table: Table;
  #reader: Reader;
  #exporter: Exporter;
  #undo: HTMLButtonElement;
  #redo: HTMLButtonElement;
  #mapBy: HTMLSelectElement;
  #colourBy: HTMLSelectElement;
  #histogramOf: HTMLSelectElement;

  constructor(
    private readonly source: Source,
    private readonly opened: Opened,
    private readonly host: Host,
    around: Surroundings,
  ) {
    const { pool } = opened;
    const failed = (error: unknown): void => this.trouble.show(error);
    this.#draw = framed(host.signal, () => this.#render());
    this.#known = new KnownRows(source);
    this.#overlap = new MeanOverlap(source, host.signal, (error) => {
      if (error !== undefined) this.trouble.show(error);
      this.#draw();
    });
    this.#columns = columnsOf(around.columns, opened.text);
    const unplaced = new Float32Array(pool.tokens.length).fill(NaN);
    this.#nowhere = { x: unplaced, y: unplaced };
    this.#tokens = extent(pool.tokens);
    this.#memory = around.remember({
      state: (state, how) => this.#state.arrive(state, how),
      current: (id) => this.#find(id),
    });
    this.#curation = new Curation(pool, this.#memory.read());
    this.#state = new CuratorState(this.#curation, source, this.#memory, {
      changed: () => this.#draw(),
      done: (how) => {
        this.trouble.clear(); // what it said was about an earlier step
        this.#announce(how);
      },
      failed,
    });
    this.#picture = new CuratorPicture(this.#curation, opened);
    const state = this.#state;

    this.#amount = new Amount(host, { wish: (wish, done) => state.wish(wish, done) });
    this.#histogram = new Histogram(host, {
      cut: (value, done) => state.cutAt(value, this.#picture.histogramOf, done),
    });
    this.#filters = new Filters(host, {
      filters: (change) => void state.filter(change),
      clearLasso: () => state.clearLasso(),
      clearAll: () => state.clearFilters(),
      pinShown: () => state.shownByHand("pinned"),
      excludeShown: () => state.shownByHand("excluded"),
      showByHand: () => this.#sortBy("hand"),
    });
    this.#scatter = new Scatter(host, {
      lasso: (rows, mode) => state.lasso(rows, mode),
      clearLasso: () => state.clearLasso(),
      pick: (row) => this.#look(row),
      describe: (row) => `${this.#picture.cell(row, "score")} · ${this.#known.preview(row, () => this.#draw())}`,
    });
    this.#table = new Table(host, {
      page: (rows) => this.#known.page(rows),
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
    const told = (): void => this.#memory.flush(); // what is written is what the page shows
    this.#exporter = new Exporter(host, around.exporting, {
      export: (wish, progress) => (told(), source.export(wish, progress)),
      code: () => (told(), source.code()),
    });
    this.#exporter.setPath(opened.export);

    this.#undo = button("Undo", "Ctrl+Z", () => state.travel("undo"));
    this.#redo = button("Redo", "Ctrl+Shift+Z", () => state.travel("redo"));
    this.#mapBy = select(
      opened.maps.map((method) => [method, MAPS[method] ?? method]),
      () => void this.#loadMap(),
    );
    this.#colourBy = select(COLOURS, (value) => {
      this.#picture.colourBy = value;
      this.#version++;
    });
    this.#histogramOf = select(
      pool.directions.map((name, i) => [String(i), name]),
      (value) => {
        this.#picture.direction = Number(value);
      },
    );
    for (const choice of [this.#colourBy, this.#histogramOf]) choice.addEventListener("change", this.#draw);
    this.elements = this.#layOut();
    for (const element of this.elements) element.addEventListener("keydown", (event) => this.#key(event));
    this.#render();
    void this.#loadLabels();
    void this.#loadMap();
  }

  #render(): void {
    const { live } = this.#state;
    if (this.#curation.state !== live) {
      this.#curation.set(live);
      this.#version++;
    }
    const [curation, picture] = [this.#curation, this.#picture];
    this.#amount.update(picture.amount());
    this.#histogram.update(picture.histogram());
    this.#histogramOf.parentElement!.hidden = picture.histogramOf === null || this.opened.pool.directions.length === 1;
    this.#filters.update({
      filters: live.asked.filters,
      lasso: live.lasso === null ? null : live.lasso.length,
      labels: curation.labels,
      counts: picture.labelCounts(),
      shown: curation.shown,
      n: curation.n,
      pinned: live.pinned.length,
      excluded: live.excluded.length,
      text: this.opened.text,
      searching: this.#state.searching,
      tokens: this.#tokens,
    });
    this.#overlap.choose(curation.chosen.rows, () => this.#memory.flush());
    this.#budget.update(picture.budget(this.#overlap.mean));
    this.#scatter.update({
      data: this.#map?.data ?? this.#nowhere,
      state: curation.marks,
      shown: curation.shown,
      color: picture.colour(),
      current: this.#current,
      lassoed: live.lasso !== null,
      axes: this.#map?.axes ?? null,
    });
    this.#table.update({
      rows: picture.rows(),
      columns: this.#columns[picture.scores][picture.shownLabel() === null ? "unlabelled" : "labelled"],
      cell: (row, key) => picture.cell(row, key),
      state: (row) => picture.stateOf(row),
      sort: picture.sort,
      current: this.#current,
      version: this.#version,
    });
    if (this.#current !== null) this.#read(this.#current);
    this.#undo.disabled = !this.#state.canUndo;
    this.#redo.disabled = !this.#state.canRedo;
  }

  #read(row: number): void {
    this.#reader.update({
      row,
      title: this.#known.knownId(row) ?? `row ${row + 1}`,
      facts: this.#picture.facts(row),
      state: this.#picture.stateOf(row),
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
    const rows = this.#picture.rows();
    const place = this.#current === null ? -1 : rows.indexOf(this.#current);
    this.#look(rows[Math.max(0, Math.min(rows.length - 1, place + by))]!);
  }

  /** Exclude rows, or stop doing so; the place in the table stays, though an excluded row goes to its end. */
  #exclude(rows: number[]): void {
    const order = this.#picture.rows();
    let place = this.#current === null || !rows.includes(this.#current) ? -1 : order.indexOf(this.#current);
    while (place >= 0 && rows.includes(order[place]!)) place = place + 1 < order.length ? place + 1 : -1;
    const leaves = rows.some((row) => !this.#picture.stateOf(row).excluded);
    this.#state.toggle("excluded", rows);
    if (leaves && place >= 0) this.#look(order[place]!);
  }

  #sortBy(key: SortKey): void {
    const { sort } = this.#picture;
    const highestFirst = key === "score" || key === "tokens" || key === "hand";
    this.#picture.sort = { key, descending: sort.key === key && key !== "hand" ? !sort.descending : highestFirst };
    this.#draw();
  }

  #announce(how: string): void {
    requestAnimationFrame(() => {
      const n = count(this.#curation.chosen.rows.length);
      this.host.announce(`${how}${how && ": "}${n} rows chosen`);
    });
  }

  // -- what comes after the first paint

  async #loadLabels(): Promise<void> {
    try {
      this.#curation.setLabels(await this.source.labels());
    } catch (error) {
      this.trouble.show(error);
    }
    const labels = this.#curation.labels.map(({ name }) => [`label ${name}`, name] as const);
    fill(this.#colourBy, ...options([...COLOURS, ...labels]));
    this.#version++;
    this.#draw();
  }

  async #loadMap(): Promise<void> {
    this.#mapBy.disabled = true;
    try {
      this.#map = await this.source.map(this.#mapBy.value);
    } catch (error) {
      this.trouble.show(error);
    }
    this.#mapBy.disabled = false;
    this.#draw();
  }

  // -- the page

  #layOut(): HTMLElement[] {
    const { opened } = this;
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
          this.#filters.element,
        ),
        h(
          "div",
          { class: "nait-curator-side" },
          h(
            "div",
            { class: "nait-curator-choices" },
            opened.maps.length > 1 && labelled("Map by", this.#mapBy),
            labelled("Colour by", this.#colourBy),
          ),
          this.#scatter.element,
        ),
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

function extent(values: Int32Array): { low: number; high: number } {
  let [low, high] = [Infinity, 0];
  for (const n of values) {
    low = Math.min(low, n);
    high = Math.max(high, n);
  }
  return { low: Math.min(low, high), high };
}

const COLOURS: readonly Option[] = [
  ["selection", "selection"],
  ["score", "score"],
];
