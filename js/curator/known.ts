/** What has been heard of rows so far: their ids, and how their prompts begin. */

import type { RowText } from "../views/table";
import type { Source } from "./source";

export class KnownRows {
  #ids = new Map<number, string>();
  #previews = new Map<number, string>();

  constructor(private readonly source: Source) {}

  async page(rows: number[]): Promise<RowText[]> {
    const texts = await this.source.page(rows);
    texts.forEach(({ id, prompt }, i) => {
      this.#ids.set(rows[i]!, id);
      this.#previews.set(rows[i]!, prompt);
    });
    return texts;
  }

  /** The row of an id. */
  async find(id: string): Promise<number> {
    const row = await this.source.find(id);
    this.#ids.set(row, id);
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
