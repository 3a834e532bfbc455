/** The table's rows where the page knows the order of them all; their texts come as they are looked at. */

import { type Known, Pages } from "../core/pages";
import type { RowText, TableRows } from "../views/table";
import type { Audience } from "./curated";
import type { KnownRows } from "./known";

export class WholeRows implements TableRows {
  readonly waiting = false;
  order: Int32Array = new Int32Array();
  #texts: Pages<RowText>;

  constructor(known: KnownRows, audience: Pick<Audience, "changed">, signal: AbortSignal) {
    this.#texts = new Pages(
      (rows) => known.page(rows),
      () => audience.changed(),
      signal,
    );
  }

  get length(): number {
    return this.order.length;
  }

  at(position: number): number | undefined {
    return this.order[position];
  }

  positionOf(row: number): number {
    return this.order.indexOf(row);
  }

  text(row: number): Known<RowText> {
    return this.#texts.get(row);
  }

  want(first: number, end: number): void {
    this.#texts.want(Array.from(this.order.subarray(first, end)));
  }

  retry(): void {
    this.#texts.retry();
  }
}
