/** Colours of a map: a table with a row for each layer (greyed, shown, chosen) and a column for each of 256 keys. */

import { interpolateCividis, interpolateGreys, interpolateViridis } from "d3-scale-chromatic";

/** Packed as ImageData keeps it, opaque. */
export type Colour = number;

/** Sequential colours, dark at share 0 and light at 1, that people who can't tell red from green can read. */
const SEQUENTIAL = {
  cividis: interpolateCividis,
  viridis: interpolateViridis,
  greys: (share: number): string => interpolateGreys(1 - share),
};
export type Palette = keyof typeof SEQUENTIAL;

/** The theme's colours, and those of scores. */
export interface Inks {
  readonly scores: Palette;
  readonly background: Colour;
  readonly text: Colour;
  readonly greyed: Colour;
  readonly shown: Colour;
  readonly chosen: Colour;
}

/** The key of a row without a score. */
export const NO_SCORE = 255;

/** The strength of chosen rows, be there ever so few. */
const SALIENT = 0.4;

/** How much of its colour is left to a row that isn't chosen, and to a greyed one, where colour means something else. */
const FADED = 0.45;
const GREYED = 0.6;

/** How many keys labels have. */
export const MOST_LABELS = 8;
const OKABE_ITO = [0x0072b2, 0xe69f00, 0x009e73, 0xcc79a7, 0x56b4e9, 0xd55e00, 0xf0e442].map((hex) =>
  colour(hex >> 16, (hex >> 8) & 255, hex & 255),
);

export function colour(red: number, green: number, blue: number): Colour {
  return ((255 << 24) | (blue << 16) | (green << 8) | red) >>> 0;
}

/** From 0 to 255: red, green and blue. */
export function channels(of: Colour): [red: number, green: number, blue: number] {
  return [of & 255, (of >> 8) & 255, (of >> 16) & 255];
}

/** As CSS has it. */
export function css(of: Colour): string {
  return `rgb(${channels(of).join(", ")})`;
}

/** So much of the second colour over the first. */
export function mix(under: Colour, over: Colour, share: number): Colour {
  const to = channels(over);
  const [red, green, blue] = channels(under).map((from, i) => Math.round(from + (to[i]! - from) * share));
  return colour(red!, green!, blue!);
}

/** Keys are strengths: how many rows there are. */
export function selectionPalette(inks: Inks): Uint32Array {
  return palette(
    inks,
    1,
    (key) => mix(inks.background, inks.shown, key / 255),
    (key) => mix(inks.background, inks.chosen, SALIENT + (1 - SALIENT) * (key / 255)),
  );
}

/** Keys are scores of `quantise`. */
export function scorePalette(inks: Inks): Uint32Array {
  const of = (key: number): Colour => scoreColour(inks, key / (NO_SCORE - 1));
  return palette(
    inks,
    GREYED,
    (key) => (key === NO_SCORE ? inks.greyed : mix(inks.background, of(key), FADED)),
    (key) => (key === NO_SCORE ? inks.chosen : of(key)),
  );
}

/** A sequential palette, turned so that high scores (share 1) stand out from the background. */
export function scoreColour({ background, scores }: Inks, share: number): Colour {
  const [red, green, blue] = channels(background);
  const light = red + green + blue > 3 * 127;
  const named = SEQUENTIAL[scores](light ? 1 - share : share);
  const numbers = named.startsWith("#")
    ? named.match(/[0-9a-f]{2}/g)!.map((digits) => parseInt(digits, 16))
    : named.match(/\d+/g)!.map(Number);
  return colour(...(numbers as [number, number, number]));
}

/** Keys are the positions of labels in `Labels.names`. */
export function labelPalette(inks: Inks): Uint32Array {
  return palette(
    inks,
    GREYED,
    (key) => mix(inks.background, labelColour(inks, key), FADED),
    (key) => labelColour(inks, key),
  );
}

/** Okabe and Ito's, whose black is the colour of text. */
export function labelColour({ text }: Inks, position: number): Colour {
  return OKABE_ITO[position] ?? text;
}

/** Scores as keys from 0, at most `low`, to 254, at least `high`. */
export interface Scores {
  readonly keys: Uint8Array;
  readonly low: number;
  readonly high: number;
}

/** Keys of scores between their 1st and 99th percentile, taken from up to 20,000 of them; NaN becomes `NO_SCORE`. */
export function quantise(values: Float64Array): Scores {
  const step = Math.max(1, Math.floor(values.length / 20_000));
  const sample = new Float64Array(Math.ceil(values.length / step)).map((_, i) => values[i * step]!);
  const sorted = sample.filter((value) => Number.isFinite(value)).sort();
  const low = sorted[Math.floor(0.01 * sorted.length)] ?? 0;
  const high = sorted[Math.ceil(0.99 * sorted.length) - 1] ?? 0;
  const scale = high > low ? (NO_SCORE - 1) / (high - low) : 0;
  const keys = new Uint8Array(values.length);
  for (let i = 0; i < values.length; i++) {
    const value = values[i]!;
    if (value >= high) keys[i] = (high - low) * scale;
    else if (value >= low) keys[i] = (value - low) * scale + 0.5;
    else keys[i] = value < low ? 0 : NO_SCORE;
  }
  return { keys, low, high };
}

/** Labels as keys: positions in `names`. */
export interface Labels {
  readonly keys: Uint8Array;
  readonly names: readonly string[];
}

/** Keys of labels. Of more than eight the seven with the most rows stay, in their order; the rest is `other`. */
export function group(codes: Uint8Array, names: readonly string[]): Labels {
  const counts = new Uint32Array(256);
  for (const code of codes) counts[code]!++;
  const unnamed = counts.subarray(names.length).some((count) => count > 0);
  const tooMany = names.length + Number(unnamed) > MOST_LABELS;
  const bySize = [...names.keys()].sort((a, b) => counts[b]! - counts[a]! || a - b);
  const kept = bySize.slice(0, tooMany ? MOST_LABELS - 1 : MOST_LABELS).sort((a, b) => a - b);
  const keyOf = new Uint8Array(256).fill(kept.length);
  kept.forEach((code, key) => (keyOf[code] = key));
  const own = kept.map((code) => names[code]!);
  return { keys: codes.map((code) => keyOf[code]!), names: tooMany || unnamed ? [...own, "other"] : own };
}

function palette(
  inks: Inks,
  strongestGreyed: number,
  shown: (key: number) => Colour,
  chosen: (key: number) => Colour,
): Uint32Array {
  const greyed = (key: number): Colour => mix(inks.background, inks.greyed, strongestGreyed * (key / 255));
  return new Uint32Array(3 * 256).map((_, i) => [greyed, shown, chosen][i >> 8]!(i & 255));
}
