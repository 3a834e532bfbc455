/** The table's rows where the kernel alone knows their order: pages of it, as they come into view. */

import { type Known, Pages } from "../core/pages";
import type { RowText, TableRows } from "../views/table";
import type { Audience } from "./curated";
import type { KnownRows } from "./known";
import type { LargeRow, LargeSource, Wanted } from "./source";

type Sort = Parameters<LargeSource["table"]>[1];

const CAPACITY = 4096;

export class LargeRows implements TableRows {
  /** Another number whenever something is known of a row that wasn't. */
  version = 0;
  /** Counts the orders; what is known of rows is about one of them. */
  #epoch = 0;
  /** Whether anything of the present order is known. */
  #begun = false;
  #rows = new Map<number, { epoch: number; row: LargeRow; text: { value: RowText } }>();
  #order!: Pages<LargeRow>;
  /** The order before, which is shown until the new one is known. */
  #before: Pages<LargeRow> | null = null;
  #single!: Pages<LargeRow>;
  /** Ends what is asked of an order. */
  #closing = new AbortController();

  constructor(
    readonly length: number,
    private readonly source: LargeSource,
    private readonly known: KnownRows,
    private readonly audience: Audience,
    private readonly signal: AbortSignal,
    sort: Sort,
  ) {
    this.#open(sort);
  }

  /** The order is another, or other things are true of the rows. */
  reorder(sort: Sort): void {
    if (this.#begun) this.#before = this.#order;
    this.#closing.abort();
    this.#epoch++;
    this.#open(sort);
  }

  get waiting(): boolean {
    return !this.#begun;
  }

  at(position: number): number | undefined {
    return valueOf(this.#order.get(position) ?? this.#before?.get(position))?.row;
  }

  positionOf(row: number): number {
    const known = this.#rows.get(row);
    return known?.epoch === this.#epoch ? known.row.position : -1;
  }

  text(row: number): Known<RowText> {
    return this.#rows.get(row)?.text;
  }

  want(first: number, end: number): void {
    this.#order.want(Array.from({ length: Math.max(0, end - first) }, (_, i) => first + i));
  }

  retry(): void {
    this.#order.retry();
    this.#single.retry();
  }

  /** What is known of a row, be it of the order before. */
  get(row: number): LargeRow | undefined {
    return this.#rows.get(row)?.row;
  }

  /** Have everything known of a row, wherever it is. */
  look(row: number): void {
    if (this.#rows.get(row)?.epoch !== this.#epoch) this.#single.want([row]);
  }

  #open(sort: Sort): void {
    const epoch = this.#epoch;
    this.#begun = false;
    this.#closing = new AbortController();
    const signal = AbortSignal.any([this.signal, this.#closing.signal]);
    const ask = async (wanted: Wanted): Promise<LargeRow[]> => {
      this.audience.settle();
      try {
        const rows = await this.source.table(wanted, sort);
        if (epoch === this.#epoch) for (const row of rows) this.#keep(row);
        return rows;
      } catch (error) {
        if (epoch === this.#epoch) this.audience.failed(error);
        throw error;
      }
    };
    const arrived = (): void => {
      this.#begun = true;
      this.audience.changed();
    };
    this.#order = new Pages((positions) => ask({ positions }), arrived, signal);
    this.#single = new Pages(
      (rows) => ask({ rows }),
      () => this.audience.changed(),
      signal,
    );
  }

  #keep(row: LargeRow): void {
    this.#rows.delete(row.row);
    this.#rows.set(row.row, { epoch: this.#epoch, row, text: { value: row.text } });
    this.known.hear(row.row, row.text);
    this.version++;
    for (const oldest of this.#rows.keys()) {
      if (this.#rows.size <= CAPACITY) return;
      this.#rows.delete(oldest);
    }
  }
}

function valueOf<T>(known: Known<T>): T | undefined {
  return known !== undefined && "value" in known ? known.value : undefined;
}
