/** What a Curator asks, answered from a store by byte ranges. */

import { Curation, type Labels, type State } from "../../core/curation";
import { type Json, pythonCode, recipeOf, type SetIds, withColumns, wishOf } from "../../curator/recipe";
import type { Source } from "../../curator/source";
import type { ScoreSet } from "../../store/scores";
import type { Store } from "../../store/store";
import type { Exported, ExportWish } from "../../views/exporter";
import { download } from "../../views/figure";
import type { SampleText } from "../../views/reader";
import type { ScatterData } from "../../views/scatter";
import type { RowText } from "../../views/table";
import { nameOf } from "../kinds";

const PREVIEW = 300; // characters of a prompt or response in the table
const AT_ONCE = 512; // rows whose originals are read before the next are asked for

export class StoreSource implements Source {
  readonly overlap = { none: "needs a kernel" }; // it takes every row's strongest neurons, which are too many to fetch
  #hits: { text: string; found: Promise<Uint8Array> } | null = null;

  /**
   * @param state What is asked for at the moment.
   * @param path Of the store.
   */
  constructor(
    private readonly store: Store,
    private readonly scores: ScoreSet,
    private readonly state: () => State,
    private readonly path: string,
    private readonly signal: AbortSignal,
  ) {}

  labels(): Promise<Labels[]> {
    return this.scores.labels(this.signal);
  }

  /** A search reads all texts, so its outcome is kept. */
  search(text: string): Promise<Uint8Array> {
    if (this.#hits?.text !== text) {
      const found = this.store.searchText(text, undefined, this.signal);
      found.catch(() => (this.#hits = null));
      this.#hits = { text, found };
    }
    return this.#hits.found;
  }

  async map(): Promise<{ data: ScatterData; axes: string }> {
    const { axes } = this.scores;
    if (axes === null) throw new Error("No map was saved with these scores: save them anew by store.save_scores.");
    return { data: await this.scores.map(this.signal), axes };
  }

  async page(rows: number[]): Promise<RowText[]> {
    const [ids, prompts, responses] = await Promise.all([
      this.scores.ids(rows, this.signal),
      ...(["prompt", "response"] as const).map((name) => this.#texts(name, rows)),
    ]);
    return ids.map((id, i) => ({
      id,
      prompt: prompts![i]!.slice(0, PREVIEW),
      response: responses![i]!.slice(0, PREVIEW),
    }));
  }

  async sample(row: number): Promise<SampleText> {
    const [[prompt], [response]] = await Promise.all([this.#texts("prompt", [row]), this.#texts("response", [row])]);
    return { prompt: prompt!, response: response! };
  }

  async find(id: string): Promise<number> {
    const row = await this.scores.find(id, this.signal);
    if (row === null) throw new Error(`There is no sample ${id} in ${this.store.name}.`);
    return row;
  }

  async code(): Promise<string> {
    return pythonCode(this.path, this.scores.name, await this.#wish());
  }

  /** Give the chosen rows to the person as a file; those of a store without text have their ids alone. */
  async export(wish: ExportWish, progress: (done: number, total: number) => void): Promise<Exported> {
    const { rows, chosenBy } = await this.#chosen();
    const ranks = Int32Array.from(rows.keys());
    if (wish.order === "source") ranks.sort((a, b) => rows[a]! - rows[b]!);
    const parts: string[] = [];
    for (let from = 0; from < ranks.length; from += AT_ONCE) {
      progress(from, ranks.length);
      const some = ranks.subarray(from, from + AT_ONCE);
      const originals = await this.#originals(Array.from(some, (rank) => rows[rank]!));
      originals.forEach((original, i) => {
        const rank = some[i]!;
        const all: Json = { score: chosenBy[rows[rank]!], rank: rank + 1 };
        const columns = Object.fromEntries(wish.columns.map((name) => [name, all[name]]));
        parts.push(withColumns(original, columns), "\n");
      });
    }
    const blob = new Blob(parts, { type: "application/x-ndjson" });
    download(blob, nameOf(wish.path));
    return { rows: rows.length, files: [{ path: nameOf(wish.path), bytes: blob.size }] };
  }

  /** The recipe of what is chosen, for a file in the store's own folder. */
  async recipe(): Promise<Json> {
    const { about, name, nSamples } = this.store;
    const rows = (await this.#chosen()).rows.slice().sort();
    const origin = {
      path: name,
      rows: nSamples,
      dataSha256: about.dataSha256,
      weightsHash: about.weightsHash,
      directions: this.scores.directions,
    };
    const ids = await this.scores.ids(rows, this.signal);
    return recipeOf(origin, await this.#wish(), ids, { columns: [], order: "source" });
  }

  /** What is asked for, sets of rows by their ids. */
  async #wish(): Promise<Json> {
    const { asked, lasso, pinned, excluded } = this.state();
    const named = (rows: Int32Array): Promise<string[]> => this.scores.ids(rows, this.signal);
    const ids: SetIds = {
      lasso: lasso && (await named(lasso)),
      pinned: await named(pinned),
      excluded: await named(excluded),
    };
    return wishOf(asked, ids);
  }

  /** The chosen rows, best first, and what every row is chosen by. */
  async #chosen(): Promise<{ rows: Int32Array; chosenBy: Float64Array }> {
    const state = this.state();
    const curation = new Curation(this.scores.pool, state);
    curation.setLabels(await this.labels());
    const { text } = state.asked.filters;
    if (text !== "") curation.setHits(text, await this.search(text));
    return curation.chosen;
  }

  async #originals(rows: number[]): Promise<string[]> {
    if (this.store.about.layout.text) return this.#texts("original", rows);
    const ids = await this.scores.ids(rows, this.signal);
    return ids.map((id) => `{"id": ${JSON.stringify(id)}}`);
  }

  async #texts(name: "prompt" | "response" | "original", rows: number[]): Promise<string[]> {
    return this.store.about.layout.text ? this.store.text(name, rows, this.signal) : rows.map(() => "");
  }
}
