/** Saved scores: everything that a curation computes with. */

import type { Labels, Pool } from "../core/curation";
import type { Arrays } from "./arrays";
import type { Fields } from "./fields";
import { tooLarge } from "./http";
import { LAST_SELECTABLE, type Layout } from "./layout";

const MOST_BYTES = 2 ** 30;
const MOST_COPIED = 2 ** 20; // rows up to which reading the copy of all ids is less than reading those of a page

/** A direction, or another scorer, that there are scores of. */
export interface Scored {
  readonly kind: "direction" | "scorer";
  readonly name: string;
  readonly digest: string;
  /** Under which it is saved in the store. */
  readonly key: string;
  /** By layer: what each projection was centred and divided by; NaN for a scorer, which has no parts by layer. */
  readonly layerMean: Float64Array;
  readonly layerScale: Float64Array;
}

export class ScoreSet {
  private constructor(
    private readonly arrays: Arrays,
    private readonly attributes: Fields,
    readonly key: string,
    readonly directions: readonly Scored[],
    /** The numbers of a curation. */
    readonly pool: Pool,
    readonly responseTokens: Int32Array,
  ) {}

  static async load(
    arrays: Arrays,
    { nSamples, layers }: Layout,
    key: string,
    attributes: Fields,
    signal?: AbortSignal,
  ): Promise<ScoreSet> {
    const named = attributes.objects("directions");
    const n = named.length;
    if (n === 0) throw attributes.wrong("directions", "at least one");
    requireFew(nSamples, n * 8, `scores/${key}`);
    const at = (name: string): string => `scores/${key}/${name}`;
    const column = <T extends "int32" | "uint8">(name: string, dtype: T): ReturnType<typeof arrays.numbers<T>> =>
      arrays.numbers(at(name), dtype, [nSamples], null, signal);
    const byLayer = (name: string): Promise<Float64Array> =>
      arrays.numbers(at(name), "float64", [n, layers.length], null, signal);
    const [status, tokens, responseTokens, means, scales, ...scores] = await Promise.all([
      column("status", "uint8"),
      column("n_tokens", "int32"),
      column("n_response_tokens", "int32"),
      byLayer("layer_mean"),
      byLayer("layer_scale"),
      ...named.map((_, i) => arrays.numbers(at("score"), "float64", [nSamples, n], i, signal)),
    ]);
    const directions = named.map((direction, i): Scored => ({
      kind: direction.has("kind") ? direction.oneOf("kind", ["scorer"]) : "direction",
      name: direction.text("name"),
      digest: direction.text("digest"),
      key: direction.text("key"),
      layerMean: means.subarray(i * layers.length, (i + 1) * layers.length),
      layerScale: scales.subarray(i * layers.length, (i + 1) * layers.length),
    }));
    const names = directions.map(({ name }) => name);
    if (new Set(names).size < n) throw attributes.wrong("directions", "of different names");
    const pool = { directions: names, scores, tokens, status, lastSelectable: LAST_SELECTABLE };
    return new ScoreSet(arrays, attributes, key, directions, pool, responseTokens);
  }

  /** The path of one of its arrays. */
  path(array: string): string {
    return `scores/${this.key}/${array}`;
  }

  get name(): string {
    return this.attributes.text("name");
  }

  /** What the axes of the map are; null where there is none. */
  get axes(): string | null {
    return this.attributes.has("map") ? this.attributes.text("map") : null;
  }

  /** The label columns. */
  async labels(signal?: AbortSignal): Promise<Labels[]> {
    const labels = this.attributes.objects("labels");
    const shape = [this.#n, labels.length];
    requireFew(this.#n, labels.length, this.path("label_code"));
    const load = async (label: Fields, i: number): Promise<Labels> => {
      const values = label.texts("values");
      if (values.length > 255) throw label.wrong("values", "at most 255 texts");
      const codes = await this.arrays.numbers(this.path("label_code"), "uint8", shape, i, signal);
      for (let row = 0; row < codes.length; row++) if (codes[row]! > values.length) codes[row] = values.length;
      return { name: label.text("name"), values, codes };
    };
    return Promise.all(labels.map(load));
  }

  /** Where each row lies on the map, NaN for one that has no place. */
  async map(signal?: AbortSignal): Promise<{ x: Float32Array; y: Float32Array }> {
    const both = await this.arrays.numbers(this.path("map"), "float32", [this.#n, 2], null, signal);
    const axis = (which: number): Float32Array =>
      Float32Array.from({ length: this.#n }, (_, i) => both[2 * i + which]!);
    return { x: axis(0), y: axis(1) };
  }

  /** The ids of some rows. */
  async ids(rows: ArrayLike<number>, signal?: AbortSignal): Promise<string[]> {
    const path = this.#n <= MOST_COPIED ? this.path("sample_id") : "sample_id";
    return this.arrays.texts(path, this.#n, rows, signal);
  }

  /** The row of an id; null where no row has it. */
  async find(id: string, signal?: AbortSignal): Promise<number | null> {
    const plan = await this.arrays.plan(this.path("sample_id"), ["string"], [this.#n], signal);
    const wanted = new TextEncoder().encode(id);
    const rows = plan.chunk[0]!;
    for (let chunk = 0; chunk * rows < this.#n; chunk++) {
      const found = (await this.arrays.strings(plan, chunk, signal)).indexOf(wanted);
      if (found >= 0 && chunk * rows + found < this.#n) return chunk * rows + found;
    }
    return null;
  }

  get #n(): number {
    return this.pool.status.length;
  }
}

function requireFew(rows: number, bytes: number, what: string): void {
  if (rows * bytes > MOST_BYTES) throw tooLarge(what, rows * bytes, MOST_BYTES);
}
