/** What the Curator asks the kernel. */

import type { Labels, Pool } from "../core/curation";
import type { Exported, ExportWish } from "../views/exporter";
import type { SampleText } from "../views/reader";
import type { ScatterData } from "../views/scatter";
import type { RowText } from "../views/table";
import type { Kernel } from "./kernel";

/** What is known of a pool at the start. */
export interface Opened {
  pool: Pool;
  statuses: Record<number, string>;
  store: string;
  about: string;
  text: boolean;
  maps: string[];
  /** Where an export goes unless another place is named. */
  export: string;
  greeting: string;
  tokens: { low: number; high: number };
  /** A map on which no sample has its place yet. */
  nowhere: ScatterData;
}

interface Columns extends Pick<Opened, "statuses" | "store" | "about" | "text" | "maps" | "export" | "greeting"> {
  directions: string[];
  last_selectable: number;
}

const LONG = 600; // seconds: an export or a map may take its time between two signs of life

export class CuratorSource {
  #ids = new Map<number, string>();
  #previews = new Map<number, string>();

  constructor(private readonly kernel: Kernel) {}

  async open(): Promise<Opened> {
    const { body, arrays } = await this.kernel.ask<Columns>("columns");
    const tokens = arrays.n_tokens as Int32Array;
    const nowhere = new Float32Array(tokens.length).fill(NaN);
    let [low, high] = [Infinity, 0];
    for (const n of tokens) {
      low = Math.min(low, n);
      high = Math.max(high, n);
    }
    return {
      ...body,
      pool: {
        directions: body.directions,
        scores: body.directions.map((_, i) => arrays[`score${i}`] as Float64Array),
        tokens,
        status: arrays.status as Uint8Array,
        lastSelectable: body.last_selectable,
      },
      tokens: { low: Math.min(low, high), high },
      nowhere: { x: nowhere, y: nowhere },
    };
  }

  async labels(): Promise<Labels[]> {
    const { body, arrays } = await this.kernel.ask<{ name: string; values: string[] }[]>(
      "labels",
      {},
      { timeout: LONG },
    );
    return body.map(({ name, values }, i) => ({ name, values, codes: arrays[`codes${i}`] as Uint8Array }));
  }

  /** A bit for each row that has the text. */
  async search(text: string): Promise<Uint8Array> {
    const { arrays } = await this.kernel.ask("search", { text });
    return arrays.found as Uint8Array;
  }

  async map(method: string): Promise<{ data: ScatterData; axes: string }> {
    const { body, arrays } = await this.kernel.ask<string>("map", { method }, { timeout: LONG });
    return { data: { x: arrays.x as Float32Array, y: arrays.y as Float32Array }, axes: body };
  }

  async page(rows: number[]): Promise<RowText[]> {
    const { body } = await this.kernel.ask<RowText[]>("rows", { rows });
    body.forEach(({ id, prompt }, i) => {
      this.#ids.set(rows[i]!, id);
      this.#previews.set(rows[i]!, prompt);
    });
    return body;
  }

  async sample(row: number): Promise<SampleText> {
    return (await this.kernel.ask<SampleText>("sample", { row })).body;
  }

  /** The row of an id. */
  async find(id: string): Promise<number> {
    const { body: row } = await this.kernel.ask<number>("find", { id });
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

  async overlap(): Promise<number | null> {
    return (await this.kernel.ask<number | null>("overlap", {}, { timeout: LONG })).body;
  }

  async export(wish: ExportWish, progress: (done: number, total: number) => void): Promise<Exported> {
    return (await this.kernel.ask<Exported>("export", wish, { timeout: LONG, progress })).body;
  }

  async code(): Promise<string> {
    return (await this.kernel.ask<string>("code")).body;
  }
}
