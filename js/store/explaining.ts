/** Why a row of a store scores as it does. */

import { type Explanation, explain } from "../core/explain";
import type { Activations } from "./activations";
import type { Direction } from "./directions";
import type { Scored } from "./scores";

export interface RowExplanation {
  /** The row's pooled activation: (layer · neuron). */
  activation: Float32Array;
  /** What each neuron adds to the score; null where that takes neurons' means that the store doesn't hold. */
  contributions: Float64Array | null;
  /** What each layer adds; null where that takes them too. */
  byLayer: Float64Array | null;
}

/**
 * What adds up to a row's score.
 *
 * @param ofStore The store's layers.
 * @param saved The means of the neurons that the scores were saved with, where they were.
 */
export async function explainRow(
  activations: Activations,
  ofStore: readonly number[],
  row: number,
  { pool, similarity, center, vectors, layers }: Direction,
  { layerMean, layerScale }: Scored,
  saved: Float32Array | null,
  signal?: AbortSignal,
): Promise<RowExplanation> {
  const compares = center === "pool" || similarity === "zscore";
  const [activation, mean] = await Promise.all([
    activations.of(row, pool, signal),
    compares ? (saved ?? activations.mean(pool, signal)) : null,
  ]);
  const terms = { layers: layerMean.length, activation, vectors, similarity, scale: layerScale };
  const told = (center: Float32Array | null): Explanation => explain({ ...terms, center });
  if (!compares || mean !== null) return { activation, ...told(mean) };
  if (similarity === "cosine") return { activation, contributions: null, byLayer: null };
  // A pool that is derived has no stored means. Those of the layers' projections are with the scores, though.
  const byLayer = told(null).byLayer.map((sum, i) => {
    if (!layers.includes(ofStore[i]!)) return 0;
    const by = similarity === "zscore" ? layerScale[i]! : 1;
    return sum - layerMean[i]! / (by > 0 ? by : Infinity);
  });
  return { activation, contributions: null, byLayer };
}
