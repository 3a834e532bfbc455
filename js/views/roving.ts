/** Keyboard and pointer over a grid of elements, of which one at a time is in the tab order. */

import { moved, type Cell } from "../core/grid";

type Focusable = HTMLElement | SVGElement;

/** Arrows, Home and End move; a click, Enter or the space bar chooses. */
export class Roving {
  #cells: Focusable[][] = [];
  #at: Cell = { row: 0, column: 0 };

  constructor(
    private readonly container: Focusable,
    signal: AbortSignal,
    private readonly choose: (cell: Cell) => void,
  ) {
    container.addEventListener("keydown", (event) => this.#pressed(event as KeyboardEvent), { signal });
    container.addEventListener("click", (event) => this.#clicked(event), { signal });
  }

  /** Take the elements that `draw` makes, and keep the place in the grid and, where it was inside, the focus. */
  redraw(draw: () => Focusable[][]): void {
    const focused = this.container.matches(":focus-within");
    this.#cells = draw();
    for (const cell of this.#cells.flat()) cell.setAttribute("tabindex", "-1");
    const { row, column } = this.#at;
    const last = Math.max(0, Math.min(row, this.#cells.length - 1));
    this.#enter({ row: last, column: Math.max(0, Math.min(column, (this.#cells[last]?.length ?? 0) - 1)) }, focused);
  }

  #enter(to: Cell, focus: boolean): void {
    this.#element(this.#at)?.setAttribute("tabindex", "-1");
    this.#at = to;
    const element = this.#element(to);
    element?.setAttribute("tabindex", "0");
    if (focus) element?.focus();
  }

  #element({ row, column }: Cell): Focusable | undefined {
    return this.#cells[row]?.[column];
  }

  #pressed(event: KeyboardEvent): void {
    if (event.altKey || event.metaKey) return;
    const rows = this.#cells.length;
    const to = moved(this.#at, event.key, rows, this.#cells[0]?.length ?? 0, event.ctrlKey);
    if (to !== null) this.#enter(to, true);
    else if ((event.key === "Enter" || event.key === " ") && rows > 0) this.choose(this.#at);
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  #clicked(event: Event): void {
    const target = event.target as Node;
    this.#cells.forEach((cells, row) => {
      const column = cells.findIndex((cell) => cell.contains(target));
      if (column < 0) return;
      this.#enter({ row, column }, true);
      this.choose({ row, column });
    });
  }
}
