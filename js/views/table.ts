/** The table of samples: any number of rows, of which only those in view are elements. */

import { count } from "../core/amounts";
import type { Known } from "../core/pages";
import { inPages } from "../core/window";
import { fill, h, uniqueId } from "./dom";
import type { Host, View } from "./host";
import { Scroller } from "./scroller";
import { type Column, type RowFacts, type RowText, TableRow, UNKNOWN } from "./table_row";

export type { Column, RowState, RowText } from "./table_row";

/** The rows of the store in the order of a table, of which those in view are read. */
export interface TableRows {
  readonly length: number;
  /** Whether the order is still the one before. */
  readonly waiting: boolean;
  /** The row at a position; undefined while it isn't known. */
  at(position: number): number | undefined;
  /** Where a row is; -1 while that isn't known. */
  positionOf(row: number): number;
  /** The same object until something else is known. */
  text(row: number): Known<RowText>;
  /** Say which positions are in view, or soon may be: [first, end). */
  want(first: number, end: number): void;
  /** Forget what could not be read, so that it is read again once wanted. */
  retry(): void;
}

export interface TableProps extends RowFacts {
  rows: TableRows;
  columns: readonly Column[];
  sort: { key: string; descending: boolean };
  /** The row that the other views look at. */
  current: number | null;
}

export interface TableHandlers {
  sort(key: string): void;
  current(row: number): void;
  open(row: number): void;
  /** Toggle rows, none of them in quarantine; `exclude` likewise. */
  pin(rows: number[]): void;
  exclude(rows: number[]): void;
}

const ROW_HEIGHT = 28;
const PAGE = 32;
const MARGIN = 8;

/** How far each key moves, given the rows of a page; beyond the ends is the ends. */
const MOVES: Record<string, (page: number) => number> = {
  ArrowUp: () => -1,
  ArrowDown: () => 1,
  PageUp: (page) => -page,
  PageDown: (page) => page,
  Home: () => -Infinity,
  End: () => Infinity,
};

export class Table implements View {
  readonly element: HTMLElement;
  #grid: HTMLElement;
  #head = h("div", { role: "row", class: "nait-table-row nait-table-head", "aria-rowindex": 1 });
  #scroller: Scroller;
  #elements: TableRow[] = [];
  #props: TableProps | null = null;
  #current: number | null = null;
  /** Whether the current row is still to be brought into view. */
  #unseen = false;
  /** A position to move to once its row is known. */
  #awaited: { position: number; extending: boolean } | null = null;
  #selected = new Set<number>();
  #anchor: number | null = null;

  constructor(
    private readonly host: Host,
    private readonly handlers: TableHandlers,
  ) {
    const { signal } = host;
    this.#grid = h("div", {
      role: "grid",
      class: "nait-table-grid",
      tabindex: 0,
      "aria-label": "Samples",
      "aria-multiselectable": "true",
      style: `--nait-row: ${ROW_HEIGHT}px; --nait-rows: ${host.look.tableRows}`,
      // JupyterLab's own single-letter shortcuts would act on the cell.
      dataset: { "lm-suppress-shortcuts": "true" },
    });
    const moved = (): void => {
      this.#awaited = null;
      this.#props?.rows.retry();
      this.#render();
    };
    const resized = (): void => {
      this.#grow();
      this.#render();
    };
    this.#scroller = new Scroller(this.#grid, ROW_HEIGHT, signal, moved, resized);
    this.#grid.append(this.#head, this.#scroller.track);
    this.element = h("section", { class: "nait-table" }, this.#grid);
    this.#grid.addEventListener("keydown", (event) => this.#key(event), { signal });
    this.#head.addEventListener("click", (event) => this.#sortClicked(event), { signal });
    this.#scroller.body.addEventListener("click", (event) => this.#clicked(event), { signal });
    this.#scroller.body.addEventListener("dblclick", (event) => this.#opened(event), { signal });
  }

  update(props: TableProps): void {
    const before = this.#props;
    this.#props = props;
    const rebuilt = before?.columns !== props.columns;
    if (rebuilt) this.#build(props.columns);
    if (rebuilt || !sameSort(before.sort, props.sort)) {
      this.#showSort(props, before !== null);
      this.#unseen = false; // the person asks for what is first now
    }
    if (before?.rows.length !== props.rows.length) {
      this.#scroller.rows = props.rows.length;
      this.#grid.setAttribute("aria-rowcount", String(props.rows.length + 1));
    }
    if (props.current !== this.#current) {
      this.#select(props.current);
      this.#unseen = props.current !== null;
    }
    this.#reveal(props);
    this.#render();
  }

  /** Go to a position, as soon as its row is known. */
  goTo(position: number, extending = false): void {
    const { rows } = this.#props!;
    const row = rows.at(position);
    rows.retry();
    this.#scroller.reveal(position);
    if (row === undefined) {
      this.#awaited = { position, extending };
      this.#render();
    } else this.#moveTo(row, position, extending);
  }

  // Drawing

  #reveal({ rows, current }: TableProps): void {
    const position = this.#unseen && current !== null ? rows.positionOf(current) : -1;
    if (position < 0) return;
    this.#unseen = false;
    this.#scroller.reveal(position);
  }

  #render(): void {
    const props = this.#props;
    if (props === null || this.#elements.length === 0) return;
    this.#grid.setAttribute("aria-busy", String(props.rows.waiting));
    const { body, top, extent, inView } = this.#scroller;
    for (const element of this.#elements)
      if (element.position < inView.first || element.position >= inView.end) element.rest();
    let next = body.firstElementChild;
    let active: string | null = null;
    for (let position = inView.first; position < inView.end; position++) {
      const row = props.rows.at(position) ?? UNKNOWN;
      // A row keeps its element while it is in view, and elements stay in reading order.
      const element = this.#elements[position % this.#elements.length]!;
      if (element.element === next) next = next.nextElementSibling;
      else body.insertBefore(element.element, next);
      element.place(position, position * ROW_HEIGHT - top);
      element.show(row, props, props.rows.text(row), row === this.#current, this.#selected.has(row));
      if (row === this.#current) active = element.element.id;
    }
    if (active === null) this.#grid.removeAttribute("aria-activedescendant");
    else this.#grid.setAttribute("aria-activedescendant", active);
    const { first, end } = inPages(extent, inView, MARGIN, PAGE);
    props.rows.want(first, end);
    const awaited = this.#awaited;
    const row = awaited === null ? undefined : props.rows.at(awaited.position);
    if (awaited !== null && row !== undefined) this.#moveTo(row, awaited.position, awaited.extending);
  }

  #build(columns: readonly Column[]): void {
    const header = (name: string, props: Record<string, string>, content?: Node | string): HTMLElement =>
      h("div", { role: "columnheader", class: `nait-table-cell nait-table-${name}`, ...props }, content);
    fill(
      this.#head,
      header("mark", { "aria-label": "Chosen" }),
      ...columns.map(({ key, title, sortable, sortedBy = title }) =>
        header(
          key,
          { "data-key": key },
          sortable
            ? h("button", { type: "button", class: "nait-quiet", "data-key": key, title: `Sort by ${sortedBy}` }, title)
            : title,
        ),
      ),
      header("actions", { "aria-label": "Pin or exclude" }),
    );
    this.#elements = [];
    this.#grow();
  }

  /** Have an element for each row that the view can show. */
  #grow(): void {
    const { most, body } = this.#scroller;
    if (this.#props === null || this.#elements.length >= most) return;
    const { columns } = this.#props;
    this.#elements = Array.from({ length: most }, () => new TableRow(uniqueId("row"), columns));
    fill(body, ...this.#elements.map(({ element }) => element));
  }

  #showSort({ columns, sort }: TableProps, announcing: boolean): void {
    const direction = sort.descending ? "descending" : "ascending";
    for (const header of this.#head.querySelectorAll<HTMLElement>("[role=columnheader][data-key]")) {
      const by = columns.find(({ key }) => key === sort.key && key === header.dataset["key"]);
      if (by === undefined) {
        header.removeAttribute("aria-sort");
        delete header.dataset["sort"];
      } else {
        header.setAttribute("aria-sort", by.sortedBy === undefined ? direction : "other");
        header.dataset["sort"] = direction;
        if (announcing) this.host.announce(`Sorted by ${by.sortedBy ?? by.title}, ${direction}`);
      }
    }
  }

  // The current row and the selection

  #select(row: number | null): void {
    this.#current = this.#anchor = row;
    this.#selected = new Set(row === null ? [] : [row]);
  }

  #moveTo(row: number, position: number, extending: boolean): void {
    this.#awaited = null;
    const { rows } = this.#props!;
    const start = extending && this.#anchor !== null ? rows.positionOf(this.#anchor) : -1;
    const selected = start < 0 ? null : between(rows, Math.min(start, position), Math.max(start, position));
    if (selected !== null) {
      this.#selected = selected;
      this.#current = row;
      this.host.announce(`${count(this.#selected.size)} rows selected`);
    } else {
      if (start >= 0) this.host.announce("Rows that are far apart can't be selected together here");
      this.#select(row);
    }
    this.#render();
    this.handlers.current(row);
  }

  #act(act: "pin" | "exclude", rows: number[]): void {
    const free = rows.filter((row) => this.#props!.state(row).quarantined === null);
    if (free.length > 0) this.handlers[act](free);
    else if (rows.length > 0) this.host.announce("Rows in quarantine can't be pinned or excluded");
  }

  // Hands

  #key(event: KeyboardEvent): void {
    const rows = this.#props?.rows;
    const modified = event.ctrlKey || event.metaKey || event.altKey;
    if (event.target !== this.#grid || modified || rows === undefined || rows.length === 0) return;
    const move = MOVES[event.key];
    const key = event.key.toLowerCase();
    if (move !== undefined) {
      const here = this.#awaited?.position ?? (this.#current === null ? -1 : rows.positionOf(this.#current));
      const steps = move(Math.max(1, this.#scroller.most - 2));
      this.goTo(Math.min(Math.max(0, here + steps), rows.length - 1), event.shiftKey);
    } else if (key === "p") this.#act("pin", [...this.#selected]);
    else if (key === "x") this.#act("exclude", [...this.#selected]);
    else if ((key === "enter" || key === " ") && this.#current !== null) this.handlers.open(this.#current);
    else if (key === "escape" && this.#selected.size > 1) {
      this.#select(this.#current);
      this.#render();
    } else return;
    event.preventDefault();
  }

  #clicked(event: MouseEvent): void {
    const element = this.#at(event);
    if (element === undefined || element.row === UNKNOWN) return;
    const act = actOf(event);
    if (act !== undefined) this.#act(act, [element.row]);
    else this.goTo(element.position, event.shiftKey);
    this.#grid.focus({ preventScroll: true }); // not the button: elements go from row to row
  }

  #opened(event: MouseEvent): void {
    const element = this.#at(event);
    if (element !== undefined && element.row !== UNKNOWN && actOf(event) === undefined) this.handlers.open(element.row);
  }

  #sortClicked(event: MouseEvent): void {
    const key = (event.target as Element).closest<HTMLElement>("button[data-key]")?.dataset["key"];
    if (key !== undefined) this.handlers.sort(key);
  }

  #at(event: MouseEvent): TableRow | undefined {
    return this.#elements.find(({ element }) => element.contains(event.target as Node));
  }
}

/** All rows from one position to another; null where some of them aren't known. */
function between(rows: TableRows, first: number, last: number): Set<number> | null {
  const found = new Set<number>();
  for (let position = first; position <= last; position++) {
    const row = rows.at(position);
    if (row === undefined) return null;
    found.add(row);
  }
  return found;
}

function actOf(event: MouseEvent): "pin" | "exclude" | undefined {
  const act = (event.target as Element).closest<HTMLElement>("[data-act]")?.dataset["act"];
  return act === "pin" || act === "exclude" ? act : undefined;
}

function sameSort(a: TableProps["sort"], b: TableProps["sort"]): boolean {
  return a.key === b.key && a.descending === b.descending;
}
