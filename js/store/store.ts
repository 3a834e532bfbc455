/** An activation store as a page sees it: opened by one small read, everything else is read when it is asked for. */

import { Activations } from "./activations";
import { Arrays } from "./arrays";
import { type Direction, loadDirection } from "./directions";
import { explainRow, type RowExplanation } from "./explaining";
import type { Files } from "./files";
import { type Layout, layoutOf } from "./layout";
import { MOST_METADATA, parseRoot, ROOT, type Root } from "./metadata";
import { captureProgress, type Progress } from "./progress";
import { type Part, part, parts } from "./saved";
import { ScoreSet } from "./scores";
import { loadSelection, type Selection } from "./selections";
import { Cache } from "./sharing";
import { type TextName, Texts } from "./text";
import { StoreTrouble } from "./trouble";

/** What is known of a store once it is open. */
export interface About {
  readonly formatVersion: number;
  /** Whether its capture has finished. */
  readonly complete: boolean;
  readonly layout: Layout;
  /** The name of the model, and of the file that the samples came from. */
  readonly model: string;
  readonly source: string;
  /** SHA-256 of that file, and the hash of the model's weights. */
  readonly dataSha256: string;
  readonly weightsHash: string;
  /** All of it, as the file has it. */
  readonly provenance: unknown;
}

const KEPT = 64 * 2 ** 20; // bytes of directions

/**
 * Open a store.
 *
 * @param name What troubles call it.
 * @throws StoreTrouble It isn't there, isn't an activation store, or can't be read.
 */
export async function openStore(files: Files, name: string, signal?: AbortSignal): Promise<Store> {
  let bytes: Uint8Array;
  try {
    bytes = await files.whole(ROOT, MOST_METADATA, signal);
  } catch (error) {
    throw error instanceof StoreTrouble && error.kind === "missing" ? await absent(files, name, signal) : error;
  }
  return new Store(files, name, await parseRoot(bytes, name));
}

export class Store {
  readonly about: About;
  /** What is saved in the store. */
  readonly scoreSets: readonly Part[];
  readonly directions: readonly Part[];
  readonly scorers: readonly Part[];
  readonly selections: readonly Part[];
  readonly #arrays: Arrays;
  readonly #texts: Texts;
  readonly #activations: Activations;
  readonly #directions = new Cache<Direction>(KEPT);

  constructor(
    readonly files: Files,
    readonly name: string,
    private readonly root: Root,
  ) {
    const { nait, nodes } = root;
    const provenance = nait.fields("provenance");
    this.about = {
      formatVersion: nait.count("format_version"),
      complete: nait.oneOf("state", ["capturing", "complete"]) === "complete",
      layout: layoutOf(nait.fields("layout")),
      model: provenance.fields("model").text("name"),
      source: provenance.fields("source").text("name"),
      dataSha256: provenance.fields("source").text("sha256"),
      weightsHash: provenance.fields("model").text("weights_hash"),
      provenance: nait.any("provenance"),
    };
    this.scoreSets = parts(nodes, "scores");
    this.directions = parts(nodes, "directions");
    this.scorers = parts(nodes, "scorers");
    this.selections = parts(nodes, "selections");
    this.#arrays = new Arrays(files, nodes);
    this.#texts = new Texts(this.#arrays, this.about.layout);
    this.#activations = new Activations(this.#arrays, this.about.layout, nait);
  }

  get nSamples(): number {
    return this.about.layout.nSamples;
  }

  /** How far the capture has come. */
  progress(signal?: AbortSignal): Promise<Progress> {
    return captureProgress(this.#arrays, this.about.layout, signal);
  }

  /** Saved scores, by their key. */
  async scoreSet(key: string, signal?: AbortSignal): Promise<ScoreSet> {
    this.#requireComplete();
    const attributes = part(this.root.nodes, "scores", key);
    return ScoreSet.load(this.#arrays, this.about.layout, key, attributes, signal);
  }

  async direction(key: string, signal?: AbortSignal): Promise<Direction> {
    const attributes = part(this.root.nodes, "directions", key);
    const load = (shared: AbortSignal): Promise<Direction> =>
      loadDirection(this.#arrays, this.about.layout, key, attributes, shared);
    return this.#directions.get(key, load, signal);
  }

  async selection(key: string, signal?: AbortSignal): Promise<Selection> {
    const attributes = part(this.root.nodes, "selections", key);
    return loadSelection(this.#arrays, this.about.layout, key, attributes, signal);
  }

  /** Token counts and statuses of all rows, for a store without scores. */
  async rows(signal?: AbortSignal): Promise<{ tokens: Int32Array; status: Uint8Array }> {
    const shape = [this.nSamples];
    const [tokens, status] = await Promise.all([
      this.#arrays.numbers("n_tokens", "int32", shape, null, signal),
      this.#arrays.numbers("status", "uint8", shape, null, signal),
    ]);
    return { tokens, status };
  }

  /** The ids of some rows. */
  ids(rows: ArrayLike<number>, signal?: AbortSignal): Promise<string[]> {
    return this.#arrays.texts("sample_id", this.nSamples, rows, signal);
  }

  /** The texts of some rows. */
  text(name: TextName, rows: ArrayLike<number>, signal?: AbortSignal): Promise<string[]> {
    return this.#texts.of(name, rows, signal);
  }

  /** The rows whose prompt or response has a text: a bit each, the lowest first. */
  searchText(
    text: string,
    progress?: (done: number, total: number) => void,
    signal?: AbortSignal,
  ): Promise<Uint8Array> {
    return this.#texts.search(text, progress, signal);
  }

  /** The pooled activation of a row: (layer · neuron). */
  async activation(row: number, pool: string, signal?: AbortSignal): Promise<Float32Array> {
    this.#requireComplete();
    return this.#activations.of(row, pool, signal);
  }

  /** Why a row scores as it does under one of the directions of some scores. */
  async explain(row: number, scores: ScoreSet, direction: number, signal?: AbortSignal): Promise<RowExplanation> {
    const scored = scores.directions[direction]!;
    const saved = await this.direction(scored.key, signal);
    if (saved.digest !== scored.digest) {
      throw new StoreTrouble("damaged", `The scores ${scores.name} go by another ${scored.name} than the one saved.`);
    }
    const means = this.root.nodes?.has(scores.path("neuron_mean"))
      ? await this.#activations.savedMean(scores.path("neuron_mean"), direction, scores.directions.length, signal)
      : null;
    return explainRow(this.#activations, this.about.layout.layers, row, saved, scored, means, signal);
  }

  #requireComplete(): void {
    if (!this.about.complete) throw new StoreTrouble("incomplete", `The capture of ${this.name} has not finished.`);
  }
}

/** Why there is no metadata. */
async function absent(files: Files, name: string, signal: AbortSignal | undefined): Promise<StoreTrouble> {
  const what = `There is no ${ROOT} in ${name}`;
  try {
    await files.whole(".zgroup", MOST_METADATA, signal);
    return new StoreTrouble("v2", `${name} is a store of Zarr's version 2.`);
  } catch (error) {
    if (!(error instanceof StoreTrouble)) throw error;
    // Jupyter's server gives out no files that begin with a dot.
    return new StoreTrouble("missing", `${what}: it is no store, or one of Zarr's version 2, which can't be read.`, {
      mend: "Open a store that `nait capture` wrote; if it was moved or deleted meanwhile, find where it is now.",
    });
  }
}
