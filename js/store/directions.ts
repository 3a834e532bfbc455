/** Saved directions: the vectors that rows are projected on, and how. */

import type { Similarity } from "../core/explain";
import type { Arrays } from "./arrays";
import type { Fields } from "./fields";
import type { Layout } from "./layout";

/** See `Direction` of the Python package. */
export interface Direction {
  readonly key: string;
  readonly name: string;
  readonly digest: string;
  readonly preset: string;
  /** The decoder layers that scores add up. */
  readonly layers: readonly number[];
  readonly pool: string;
  readonly center: "none" | "pool";
  readonly similarity: Similarity;
  /**
   * What a row's activation is multiplied by: (layer of the store · neuron), 0 in layers that scores leave out.
   */
  readonly vectors: Float32Array;
  /** What it takes of memory. */
  readonly byteLength: number;
}

export async function loadDirection(
  arrays: Arrays,
  layout: Layout,
  key: string,
  attributes: Fields,
  signal?: AbortSignal,
): Promise<Direction> {
  const { nNeurons } = layout;
  const fitted = attributes.counts("layers");
  if (!fitted.every((layer) => layout.layers.includes(layer))) throw attributes.wrong("layers", "layers of the store");
  const score = attributes.fields("score");
  const layers = score.has("layers") ? score.counts("layers") : fitted;
  const path = `directions/${key}/vectors`;
  const own = await arrays.numbers(path, "float32", [fitted.length, nNeurons], null, signal);
  const vectors = new Float32Array(layout.layers.length * nNeurons);
  fitted.forEach((layer, i) => {
    if (!layers.includes(layer)) return;
    vectors.set(own.subarray(i * nNeurons, (i + 1) * nNeurons), layout.layers.indexOf(layer) * nNeurons);
  });
  return {
    key,
    name: attributes.text("name"),
    digest: attributes.text("digest"),
    preset: attributes.text("preset"),
    layers,
    pool: score.text("pool"),
    center: score.oneOf("center", ["none", "pool"]),
    similarity: score.oneOf("similarity", ["dot", "cosine", "zscore"]),
    vectors,
    byteLength: vectors.byteLength,
  };
}
