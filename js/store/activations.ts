/** What the store holds of neurons: the activations of a row, and the neurons' means over all rows. */

import type { Arrays } from "./arrays";
import type { Fields } from "./fields";
import { arrayOf, type Layout, wideArrayOf } from "./layout";
import type { Plan } from "./metadata";
import { Cache, together } from "./sharing";
import { Shards } from "./shards";
import { StoreTrouble } from "./trouble";

const KEPT = 64 * 2 ** 20; // bytes of what is the same for all rows

export class Activations {
  readonly #shards: Shards;
  readonly #constants = new Cache<Float32Array>(KEPT);
  /** By pool, the layers that are kept as float32 since float16 can't hold them. */
  readonly #wide: ReadonlyMap<string, readonly number[]>;
  readonly #sharedFirstToken: boolean;

  constructor(
    private readonly arrays: Arrays,
    private readonly layout: Layout,
    nait: Fields,
  ) {
    this.#shards = new Shards(arrays.files);
    const wide = nait.fields("wide_layers");
    this.#wide = new Map(wide.names.map((pool) => [pool, wide.counts(pool)]));
    this.#sharedFirstToken = nait.flag("shared_first_token");
  }

  /**
   * The pooled activation of a row: (layer · neuron), NaN where the row was quarantined.
   *
   * `tail_mean`, the mean over all tokens but the first, is had from `mean` where all rows begin with the same token.
   *
   * @throws StoreTrouble The pool wasn't captured, or something is damaged.
   */
  async of(row: number, pool: string, signal?: AbortSignal): Promise<Float32Array> {
    if (this.layout.scoresOnly) {
      throw new StoreTrouble("missing", "The store keeps scores only, and no activations.", {
        mend: "Capture its rows again without `--scores-only` to see what neurons add.",
      });
    }
    if (this.layout.pools.includes(pool)) return this.#captured(row, pool, signal);
    if (pool !== "tail_mean" || !this.#sharedFirstToken || !this.layout.pools.includes("mean")) {
      throw new StoreTrouble("missing", `The store was captured without the pool ${pool}.`, {
        mend: `Capture it again with \`--pools ${[...this.layout.pools, pool].join(",")}\`.`,
      });
    }
    const { layers, nNeurons, nSamples } = this.layout;
    const [mean, first, tokens] = await Promise.all([
      this.#captured(row, "mean", signal),
      this.#constant("first_token", [layers.length, nNeurons], signal),
      this.arrays.number("n_tokens", "int32", nSamples, row, signal),
    ]);
    return withoutFirst(mean, first, tokens);
  }

  /** The mean of each neuron over the rows that can be chosen: (layer · neuron); null for a pool that isn't stored. */
  async mean(pool: string, signal?: AbortSignal): Promise<Float32Array | null> {
    const { layers, nNeurons, pools } = this.layout;
    const position = pools.indexOf(pool);
    if (position < 0) return null;
    const n = layers.length * nNeurons;
    const all = await this.#constant("neuron_mean", [pools.length, layers.length, nNeurons], signal);
    return all.subarray(position * n, (position + 1) * n);
  }

  /** The same for a direction, as it was saved with its scores. */
  async savedMean(path: string, direction: number, directions: number, signal?: AbortSignal): Promise<Float32Array> {
    const { layers, nNeurons } = this.layout;
    const n = layers.length * nNeurons;
    const all = await this.#constant(path, [directions, layers.length, nNeurons], signal);
    return all.subarray(direction * n, (direction + 1) * n);
  }

  #constant(path: string, shape: number[], signal: AbortSignal | undefined): Promise<Float32Array> {
    return this.#constants.get(path, (shared) => this.arrays.numbers(path, "float32", shape, null, shared), signal);
  }

  async #captured(row: number, pool: string, signal: AbortSignal | undefined): Promise<Float32Array> {
    const { layers, nNeurons, nSamples, dtype } = this.layout;
    const shape = [nSamples, layers.length, nNeurons];
    const own = this.#checked(await this.arrays.plan(arrayOf(this.layout, pool), [dtype], shape, signal));
    const values = new Float32Array(layers.length * nNeurons);
    const load = async (position: number, either: AbortSignal): Promise<void> => {
      const wide = this.#wide.get(pool)?.includes(layers[position]!) ?? false;
      const plan = wide ? await this.#widePlan(pool, layers[position]!, either) : own;
      values.set(await this.#shards.row(plan, row, wide ? 0 : position, either), position * nNeurons);
    };
    await together(layers.length, load, signal);
    return values;
  }

  async #widePlan(pool: string, layer: number, signal: AbortSignal): Promise<Plan> {
    const { nNeurons, nSamples } = this.layout;
    const path = wideArrayOf(this.layout, pool, layer);
    return this.#checked(await this.arrays.plan(path, ["float32"], [nSamples, nNeurons], signal));
  }

  /** A plan by which single rows can be read. */
  #checked(plan: Plan): Plan {
    const { blockRows, chunkRows, layers, nNeurons } = this.layout;
    const [shard, chunk] =
      plan.shape.length === 3
        ? [`${[blockRows, layers.length, nNeurons]}`, `${[chunkRows, 1, nNeurons]}`]
        : [`${[blockRows, nNeurons]}`, `${[chunkRows, nNeurons]}`];
    if (plan.raw && String(plan.shard) === shard && String(plan.chunk) === chunk) return plan;
    throw new StoreTrouble(
      "foreign",
      `Single rows of the array ${plan.path} can't be read: it was written otherwise.`,
      {
        mend: "Open the store in Python by `nait.open_store`.",
      },
    );
  }
}

/** A mean over tokens without the first of them; in single precision step by step, as the Python package does it. */
function withoutFirst(mean: Float32Array, first: Float32Array, tokens: number): Float32Array {
  const n = Math.max(tokens, 2);
  const factor = Math.fround(n / (n - 1));
  return mean.map((value, i) => Math.fround(value * factor) - Math.fround(first[i]! / (n - 1)));
}
