/** What the Curator asks the kernel. */

import type { About, Opened, OpenedLarge, RowSource, Source } from "../curator/source";
import type { Labels } from "../core/curation";
import type { Exported, ExportWish } from "../views/exporter";
import type { SampleText } from "../views/reader";
import type { ScatterData } from "../views/scatter";
import type { RowText } from "../views/table";
import type { AnyModel } from "@anywidget/types";
import type { Answer, Asking, Kernel } from "./kernel";

/** What the kernel tells at the start, with the columns of a pool that the page is to hold. */
interface Columns extends About {
  directions: string[];
  last_selectable: number;
  maps: string[];
  large: { rows: number; scored: number; tokens: [low: number, high: number] } | null;
}

const LATE = 40; // milliseconds
const LONG = 600; // seconds: an export may take its time between two signs of life

/** Open the pool: one that the page holds, or one that is too large for it. */
export async function openPool(kernel: Kernel): Promise<Opened | OpenedLarge> {
  const { body, arrays } = await kernel.ask<Columns>("columns", {}, { timeout: null });
  const { large, last_selectable: lastSelectable, directions } = body;
  if (large !== null) {
    const [low, high] = large.tokens;
    return { ...body, n: large.rows, scored: large.scored, tokens: { low, high }, directions, lastSelectable };
  }
  return {
    ...body,
    pool: {
      directions,
      scores: directions.map((_, i) => arrays[`score${i}`] as Float64Array),
      tokens: arrays.n_tokens as Int32Array,
      status: arrays.status as Uint8Array,
      lastSelectable,
    },
  };
}

/** What the kernel tells of any pool. */
export class KernelRows implements Omit<RowSource, "overlap"> {
  constructor(
    protected readonly kernel: Kernel,
    private readonly model: AnyModel,
  ) {}

  /** Ask about the state that was written last. It may be on its way still: a model waits with it for a busy kernel. */
  protected async settled<T>(question: string, body: object = {}, asking: Asking = {}): Promise<Answer<T>> {
    const step = this.model.get("step") as number;
    for (;;) {
      const answer = await this.kernel.ask<T & { late?: boolean }>(question, { ...body, step }, asking);
      if (answer.body?.late !== true) return answer;
      await new Promise((resolve) => setTimeout(resolve, LATE));
    }
  }

  async page(rows: number[]): Promise<RowText[]> {
    return (await this.kernel.ask<RowText[]>("rows", { rows })).body;
  }

  async sample(row: number): Promise<SampleText> {
    return (await this.kernel.ask<SampleText>("sample", { row })).body;
  }

  async find(id: string): Promise<number> {
    return (await this.kernel.ask<number>("find", { id })).body;
  }

  async export(wish: ExportWish, progress: (done: number, total: number) => void): Promise<Exported> {
    return (await this.settled<Exported>("export", wish, { timeout: LONG, progress })).body;
  }

  async code(): Promise<string> {
    return (await this.settled<string>("code")).body;
  }
}

/** Of a pool that the page holds. */
export class KernelSource extends KernelRows implements Source {
  readonly overlap = async (): Promise<number | null> =>
    (await this.settled<number | null>("overlap", {}, { timeout: LONG })).body;

  async labels(): Promise<Labels[]> {
    const { body, arrays } = await this.kernel.ask<{ name: string; values: string[] }[]>(
      "labels",
      {},
      { timeout: null },
    );
    return body.map(({ name, values }, i) => ({ name, values, codes: arrays[`codes${i}`] as Uint8Array }));
  }

  async search(text: string): Promise<Uint8Array> {
    const { arrays } = await this.kernel.ask("search", { text });
    return arrays.found as Uint8Array;
  }

  async map(method: string): Promise<{ data: ScatterData; axes: string }> {
    const { body, arrays } = await this.kernel.ask<string>("map", { method }, { timeout: null });
    return { data: { x: arrays.x as Float32Array, y: arrays.y as Float32Array }, axes: body };
  }
}
