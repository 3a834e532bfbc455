/** What is asked of a selection. The JSON form is the kernel's: only what differs from the defaults. */

export const MERGES = ["union", "round-robin", "mean-z", "max"] as const;
export const ENDS = ["top", "bottom", "random"] as const;
export const ADJUSTMENTS = ["none", "length-residual", "length-strata"] as const;

export type Merge = (typeof MERGES)[number];
export type End = (typeof ENDS)[number];
export type Adjust = (typeof ADJUSTMENTS)[number];

/** How much: one of the three. */
export type Size = { fraction: number } | { k: number } | { threshold: number };

/** How rows are chosen by their scores; see `Wish` of the Python package for what each field means. */
export interface Wish {
  size: Size;
  merge: Merge;
  /** By name of the direction; 1 where it isn't named. */
  weights: Record<string, number>;
  end: End;
  seed: number;
  adjust: Adjust;
}

/** Which rows are looked at. A lasso's rows and the hits of a text search are row sets, kept outside of this. */
export interface Filters {
  text: string;
  tokens: [number | null, number | null];
  labels: Record<string, string[]>;
  narrow: boolean;
}

/** How and among which rows: everything of a wish that isn't a set of rows. */
export interface Asked {
  wish: Wish;
  filters: Filters;
}

type Json = Record<string, unknown>;

/** How many seeds there are, as the kernel counts them. */
export const SEEDS = 2 ** 32;

/** How much a direction counts. */
export function weightOf({ weights }: Pick<Wish, "weights">, direction: string): number {
  return own(weights, direction) ?? 1;
}

/** The values of a label column that are let through; `undefined` where all are. */
export function letThrough({ labels }: Pick<Filters, "labels">, column: string): string[] | undefined {
  return own(labels, column);
}

/** A bound on tokens as somebody types it: the whole number that lets the same rows through; null for none. */
export function tokenBound(typed: number, bound: "fewest" | "most"): number | null {
  if (Number.isNaN(typed)) return null;
  const whole = bound === "fewest" ? Math.ceil(typed) : Math.floor(typed);
  return Math.max(0, Math.min(Number.MAX_SAFE_INTEGER, whole)); // larger ones have an exponent in JSON
}

/** Names are a stranger's: what every object has, such as `constructor`, stands for nothing here. */
function own<T>(record: Record<string, T>, name: string): T | undefined {
  return Object.hasOwn(record, name) ? record[name] : undefined;
}

/** The wish and filters that JSON says; what it doesn't say is as by default. */
export function asked(json: Json): Asked {
  const filters = (json.filters ?? {}) as Partial<Filters>;
  return {
    wish: {
      size: sizeOf(json),
      merge: (json.merge ?? "union") as Merge,
      weights: { ...(json.weights as Record<string, number> | undefined) },
      end: (json.end ?? "top") as End,
      seed: (json.seed ?? 0) as number,
      adjust: (json.adjust ?? "none") as Adjust,
    },
    filters: {
      text: filters.text ?? "",
      tokens: filters.tokens ?? [null, null],
      labels: filters.labels ?? {},
      narrow: filters.narrow ?? true,
    },
  };
}

/** The JSON of a wish and filters. */
export function asJson({ wish, filters }: Asked): Json {
  const json: Json = { ...wish.size };
  if (wish.merge !== "union") json.merge = wish.merge;
  const weights = Object.entries(wish.weights).filter(([, weight]) => weight !== 1);
  if (weights.length > 0) json.weights = Object.fromEntries(weights);
  if (wish.end !== "top") json.end = wish.end;
  if (wish.seed !== 0) json.seed = wish.seed;
  if (wish.adjust !== "none") json.adjust = wish.adjust;
  const looked: Json = {};
  if (filters.text !== "") looked.text = filters.text;
  if (filters.tokens.some((bound) => bound !== null)) looked.tokens = filters.tokens;
  if (Object.keys(filters.labels).length > 0) looked.labels = filters.labels;
  if (!filters.narrow) looked.narrow = false;
  if (Object.keys(looked).length > 0) json.filters = looked;
  return json;
}

function sizeOf(json: Json): Size {
  if (typeof json.k === "number") return { k: json.k };
  if (typeof json.threshold === "number") return { threshold: json.threshold };
  return { fraction: json.fraction as number };
}
