/** Where an Inspector's numbers and texts come from. */

import type { NeuronTerm } from "../views/neurons";
import type { SampleText } from "../views/reader";
import type { TokensProps } from "../views/tokens";

/** One sample under one direction. */
export interface Sample {
  id: string;
  status: string;
  quarantined: boolean;
  tokens: number;
  /** Those that it is scored by. */
  directions: string[];
  /** Its texts, where they are to be shown. */
  text: SampleText | null;
  neurons: NeuronTerm[];
  /** Where there are scores; NaN where a method can't tell. Of what it is made, or, in words, why that isn't known. */
  scored: { score: number; parts: Parts | string } | null;
}

/** What each layer adds to a score. */
export interface Parts {
  /** By their numbers. */
  layers: number[];
  byLayer: ArrayLike<number>;
}

/** Which sample, by which direction. */
export interface Asked {
  id: string;
  direction: string;
}

/** What can only be told by a pass over the store, or by the model, may not be had: null. */
export interface Source {
  sample(asked: Asked, signal: AbortSignal): Promise<Sample>;
  /** Of each neuron, the share of the pool's rows whose value is below. */
  percentiles(
    sample: Sample,
    asked: Asked,
    signal: AbortSignal,
  ): Promise<{ shares: ArrayLike<number>; rows: number } | null>;
  /** Of each neuron, the tokens that it makes likelier; `null` where nobody can tell. */
  promoted: ((sample: Sample, asked: Asked, signal: AbortSignal) => Promise<string[][] | null>) | null;
  /** What each token adds to the score; or, in words, why it can't be told. */
  tokens: ((asked: Asked, signal: AbortSignal) => Promise<TokensProps | null>) | string;
}

/** The sample and direction that are shown; others may change them, and are told. */
export interface Subject {
  readonly sample: string | null;
  readonly direction: string;
  show(change: { sample?: string; direction?: string }): void;
  /** Called when either has changed. */
  onChange(signal: AbortSignal, changed: () => void): void;
}
