/** What has been heard of rows so far: their ids, and how their prompts begin. */

import type { RowText } from "../views/table";
import type { RowSource } from "./source";

const CAPACITY = 4096;

export class KnownRows {
  #ids = new Map<number, string>();
  #previews = new Map<number, string>();

  constructor(private readonly source: RowSource) {}

  async page(rows: number[]): Promise<RowText[]> {
    const texts = await this.source.page(rows);
    texts.forEach((text, i) => this.hear(rows[i]!, text));
    return texts;
  }

  hear(row: number, { id, prompt }: RowText): void {
    keep(this.#ids, row, id);
    keep(this.#previews, row, prompt);
  }

  /** The row of an id. */
  async find(id: string): Promise<number> {
    const row = await this.source.find(id);
    keep(this.#ids, row, id);
    return row;
  }

  async id(row: number): Promise<string> {
    if (!this.#ids.has(row)) await this.page([row]);
    return this.#ids.get(row)!;
  }

  knownId(row: number): string | undefined {
    return this.#ids.get(row);
  }

  /** The beginning of a prompt, or a sign that it is on its way. */
  preview(row: number, arrived: () => void): string {
    const known = this.#previews.get(row);
    if (known === undefined) void this.page([row]).then(arrived, () => undefined); // a tooltip can do without
    return known ?? "…";
  }
}

/** Keep what is known of a row, and forget what was heard long ago. */
function keep(known: Map<number, string>, row: number, text: string): void {
  known.delete(row);
  known.set(row, text);
  for (const oldest of known.keys()) {
    if (known.size <= CAPACITY) return;
    known.delete(oldest);
  }
}
