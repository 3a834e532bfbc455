/** Saved selections: what was asked for, and the rows that it gave. */

import { ADJUSTMENTS, type Asked, asked, ENDS, MERGES } from "../core/wish";
import type { Arrays } from "./arrays";
import type { Fields } from "./fields";
import type { Layout } from "./layout";

/** What a selection asks for. */
export interface SavedWish {
  readonly directions: readonly { readonly name: string; readonly digest: string }[];
  readonly asked: Asked;
  /** Samples, by their ids: what a lasso has caught, null where there was none; those pinned; those excluded. */
  readonly lasso: readonly string[] | null;
  readonly pinned: readonly string[];
  readonly excluded: readonly string[];
}

export interface Selection extends SavedWish {
  readonly key: string;
  readonly name: string;
  /** The key of the scores that it was made from. */
  readonly scores: string;
  /** The chosen rows, best first. */
  readonly rows: Int32Array;
}

export async function loadSelection(
  arrays: Arrays,
  { nSamples }: Layout,
  key: string,
  attributes: Fields,
  signal?: AbortSignal,
): Promise<Selection> {
  const count = attributes.fields("result").count("rows");
  const path = `selections/${key}/row`;
  const rows = await arrays.numbers(path, "int32", [count], null, signal);
  if (!rows.every((row) => row >= 0 && row < nSamples)) throw attributes.wrong("result", "rows of the store");
  return {
    key,
    name: attributes.text("name"),
    scores: attributes.text("scores"),
    ...savedWish(attributes),
    rows,
  };
}

/** The wish of a selection, or of a recipe, which says it alike. */
export function savedWish(attributes: Fields): SavedWish {
  const wish = attributes.fields("wish");
  const filters = wish.has("filters") ? wish.fields("filters") : null;
  const ids = (fields: Fields | null, name: string): string[] | null => (fields?.has(name) ? fields.texts(name) : null);
  return {
    directions: attributes
      .objects("directions")
      .map((fields) => ({ name: fields.text("name"), digest: fields.text("digest") })),
    asked: asked({ ...checkedWish(wish), filters: filters === null ? {} : checkedFilters(filters) }),
    lasso: ids(filters, "ids"),
    pinned: ids(wish, "pinned") ?? [],
    excluded: ids(wish, "excluded") ?? [],
  };
}

type Json = Record<string, unknown>;

/** The fields of a wish that are there, each once it is known to be what it must be. */
function checkedWish(wish: Fields): Json {
  const json: Json = {};
  if (wish.has("k")) json.k = wish.count("k");
  else if (wish.has("threshold")) json.threshold = wish.number("threshold");
  else {
    json.fraction = wish.number("fraction");
    if (!(wish.number("fraction") > 0 && wish.number("fraction") <= 1)) throw wish.wrong("fraction", "above 0, to 1");
  }
  if (wish.has("merge")) json.merge = wish.oneOf("merge", MERGES);
  if (wish.has("end")) json.end = wish.oneOf("end", ENDS);
  if (wish.has("seed")) json.seed = wish.count("seed");
  if (wish.has("adjust")) json.adjust = wish.oneOf("adjust", ADJUSTMENTS);
  if (wish.has("weights")) {
    const weights = wish.fields("weights");
    json.weights = Object.fromEntries(weights.names.map((name) => [name, weights.number(name)]));
  }
  return json;
}

function checkedFilters(filters: Fields): Json {
  const json: Json = {};
  if (filters.has("text")) json.text = filters.text("text");
  if (filters.has("narrow")) json.narrow = filters.flag("narrow");
  if (filters.has("tokens")) {
    const bounds = filters.any("tokens");
    const is = (bound: unknown): boolean => bound === null || Number.isFinite(bound);
    if (!Array.isArray(bounds) || bounds.length !== 2 || !bounds.every(is)) throw filters.wrong("tokens", "two bounds");
    json.tokens = bounds;
  }
  if (filters.has("labels")) {
    const labels = filters.fields("labels");
    json.labels = Object.fromEntries(labels.names.map((name) => [name, labels.texts(name)]));
  }
  return json;
}
