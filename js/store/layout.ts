/** The shape of a store, as `Layout` of the Python package has it. */

import type { Fields } from "./fields";
import { StoreTrouble } from "./trouble";

export const FORMAT_VERSION = 2;

/** What may become of a row; those above `LAST_SELECTABLE` have no activations and are never chosen. */
export const STATUSES: Readonly<Record<number, string>> = {
  0: "ok",
  1: "truncated",
  2: "empty",
  3: "undecodable",
  4: "too_long",
  5: "non_finite",
  255: "pending",
};
export const LAST_SELECTABLE = 1;
export const PENDING = 255;

const CHUNK_ROWS = 256;
const MOST_SAMPLES = 50_000_000;
const MOST_NEURONS = 64 * 2 ** 20; // of all layers: 256 MiB as float32
const MOST_BLOCKS = 1_000_000;

export interface Layout {
  readonly nSamples: number;
  readonly site: string;
  /** The captured decoder layers, in order. */
  readonly layers: readonly number[];
  readonly nNeurons: number;
  readonly pools: readonly string[];
  readonly dtype: "float16" | "float32";
  readonly text: boolean;
  /** Whether projections on some directions stand in the place of activations. */
  readonly scoresOnly: boolean;
  /** Samples a shard. */
  readonly blockRows: number;
  /** Samples an inner chunk of a shard. */
  readonly chunkRows: number;
}

/** @throws StoreTrouble It is no layout, or of a store too large to be looked at. */
export function layoutOf(fields: Fields): Layout {
  const blockRows = fields.count("block_rows");
  const layout: Layout = {
    nSamples: fields.count("n_samples"),
    site: named(fields, "site", [fields.text("site")])[0]!,
    layers: fields.counts("layers"),
    nNeurons: fields.count("n_neurons"),
    pools: named(fields, "pools", fields.texts("pools")),
    dtype: fields.oneOf("dtype", ["float16", "float32"]),
    text: fields.flag("text"),
    scoresOnly: fields.has("directions") && fields.texts("directions").length > 0,
    blockRows,
    chunkRows: Math.min(CHUNK_ROWS, blockRows),
  };
  const { nSamples, layers, nNeurons, chunkRows } = layout;
  if (chunkRows < 1 || blockRows % chunkRows !== 0) throw fields.wrong("block_rows", `a multiple of ${CHUNK_ROWS}`);
  if (nNeurons < 1) throw fields.wrong("n_neurons", "at least 1");
  if (layers.length < 1 || new Set(layers).size < layers.length) throw fields.wrong("layers", "different layers");
  for (const [size, limit, what] of [
    [nSamples, MOST_SAMPLES, "rows"],
    [layers.length * nNeurons, MOST_NEURONS, "neurons"],
    [nSamples / blockRows, MOST_BLOCKS, "blocks of rows"],
  ] as const) {
    if (size <= limit) continue;
    const [is, most] = [size, limit].map((n) => Math.ceil(n).toLocaleString("en"));
    throw new StoreTrouble("too-large", `The store says that it has ${is} ${what}; at most ${most} can be looked at.`);
  }
  return layout;
}

/** The name of a pool's activation array. */
export function arrayOf(layout: Layout, pool: string): string {
  return `${layout.site}_${pool}`;
}

/** The name of the float32 array that holds a layer too large for float16. */
export function wideArrayOf(layout: Layout, pool: string, layer: number): string {
  return `${arrayOf(layout, pool)}_layer${layer}_float32`;
}

/** Names that become parts of paths. */
function named(fields: Fields, name: string, values: string[]): string[] {
  if (!values.every((value) => /^[a-z][a-z_]{0,60}$/.test(value))) throw fields.wrong(name, "plain names");
  return values;
}
