/**
 * Why a row scores as it does: a score is a sum over layers and neurons, so its terms explain it exactly.
 *
 * The arithmetic is that of `explain` in the Python package, in double precision.
 */

export type Similarity = "dot" | "cosine" | "zscore";

/** One row, one direction; whatever is flat is (layer · neuron). */
export interface Terms {
  layers: number;
  activation: Float32Array;
  /** The direction's vectors; 0 in layers that it leaves out. */
  vectors: Float32Array;
  similarity: Similarity;
  /** The pool's mean of each neuron, where the direction compares with it. */
  center: Float32Array | null;
  /** What a z-score divides each layer by. */
  scale: ArrayLike<number>;
}

export interface Explanation {
  /** What each neuron adds to the score. */
  contributions: Float64Array;
  /** What each layer adds. */
  byLayer: Float64Array;
  score: number;
}

/** One term of a score. */
export interface Term {
  /** The position of the layer. */
  layer: number;
  neuron: number;
  activation: number;
  contribution: number;
}

export function explain({ layers, activation, vectors, similarity, center, scale }: Terms): Explanation {
  const neurons = activation.length / layers;
  const contributions = new Float64Array(activation.length);
  const byLayer = new Float64Array(layers);
  for (let layer = 0; layer < layers; layer++) {
    const start = layer * neurons;
    const value = (i: number): number => activation[i]! - (center === null ? 0 : center[i]!);
    const cosine = similarity === "cosine";
    const length = cosine ? norm((i) => vectors[start + i]!, neurons) : 1;
    const by = cosine ? norm((i) => value(start + i), neurons) : similarity === "zscore" ? scale[layer]! : 1;
    for (let i = start; i < start + neurons; i++) {
      // A layer in which nothing differs, or whose vector is nothing, says nothing.
      const weight = vectors[i]! / (length > 0 ? length : 1) / (by > 0 ? by : Infinity);
      contributions[i] = value(i) * weight;
      byLayer[layer]! += contributions[i]!;
    }
  }
  return { contributions, byLayer, score: byLayer.reduce((sum, part) => sum + part, 0) };
}

/** The n terms that move the score most, either way, the strongest first; ties go to the one that comes first. */
export function top(contributions: ArrayLike<number>, activation: Float32Array, layers: number, n: number): Term[] {
  const neurons = activation.length / layers;
  const best: number[] = [];
  const size = (i: number): number => Math.abs(contributions[i]!);
  for (let i = 0; i < activation.length; i++) {
    if (Number.isNaN(contributions[i]) || (best.length === n && !(size(i) > size(best[n - 1]!)))) continue;
    let place = best.length;
    while (place > 0 && size(best[place - 1]!) < size(i)) place--;
    best.splice(place, 0, i);
    if (best.length > n) best.pop();
  }
  return best.map((i) => ({
    layer: Math.floor(i / neurons),
    neuron: i % neurons,
    activation: activation[i]!,
    contribution: contributions[i]!,
  }));
}

function norm(value: (i: number) => number, n: number): number {
  let sum = 0;
  for (let i = 0; i < n; i++) sum += value(i) ** 2;
  return Math.sqrt(sum);
}
