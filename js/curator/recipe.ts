/** A selection as it is kept and shared: its wish with ids for sets of rows, the recipe, Python code, rows as JSONL. */

import { sha256 } from "@noble/hashes/sha2.js";
import { bytesToHex, utf8ToBytes } from "@noble/hashes/utils.js";
import type { State } from "../core/curation";
import { python } from "../core/python";
import type { Rows } from "../core/rows";
import { asJson, type Asked } from "../core/wish";

export type Json = Record<string, unknown>;

/** What a recipe says of a store; `directions` are kept in it. */
export interface Origin {
  /** The store's path, relative to the recipe's. */
  path: string;
  rows: number;
  dataSha256: string;
  weightsHash: string;
  directions: readonly { kind: "direction" | "scorer"; name: string; digest: string }[];
}

const FORMAT = "nait-recipe-1";

/** The ids of a state's sets of rows, each in the set's order; null for a lasso that isn't drawn. */
export interface SetIds {
  lasso: readonly string[] | null;
  pinned: readonly string[];
  excluded: readonly string[];
}

/** What is asked for as the kernel's `Wish` has it. */
export function wishOf(asked: Asked, { lasso, pinned, excluded }: SetIds): Json {
  const wish: Json = asJson(asked);
  if (lasso !== null) wish["filters"] = { ...(wish["filters"] as Json | undefined), ids: lasso };
  if (pinned.length > 0) wish["pinned"] = pinned;
  if (excluded.length > 0) wish["excluded"] = excluded;
  return wish;
}

/**
 * The state that is asked for.
 *
 * @param ids Of all rows.
 * @throws Error It names a sample that isn't there.
 */
export function stateOf(asked: Asked, { lasso, pinned, excluded }: SetIds, ids: readonly string[]): State {
  const known = new Map(ids.map((id, row) => [id, row]));
  const rows = (named: readonly string[]): Rows =>
    Int32Array.from(named, (id) => {
      const row = known.get(id);
      if (row === undefined) throw new Error(`There is no sample ${id} here: the selection is of another store.`);
      return row;
    }).sort();
  return { asked, lasso: lasso === null ? null : rows(lasso), pinned: rows(pinned), excluded: rows(excluded) };
}

/**
 * A recipe that `nait select --recipe` repeats.
 *
 * @param ids Of the chosen rows, in the order of the source.
 */
export function recipeOf(
  origin: Origin,
  wish: Json,
  ids: readonly string[],
  exporting: { columns: readonly string[]; order: string },
): Json {
  return {
    format: FORMAT,
    store: {
      path: origin.path,
      rows: origin.rows,
      data_sha256: origin.dataSha256,
      weights_hash: origin.weightsHash,
    },
    // Of recipes from before there were scorers, no entry says its kind.
    directions: origin.directions.map(({ kind, name, digest }) => ({
      name,
      digest,
      path: null,
      ...(kind === "scorer" ? { kind } : {}),
    })),
    wish,
    export: exporting,
    result: { rows: ids.length, ids_sha256: idsDigest(ids) },
    created: new Date().toISOString().replace(/\.\d+Z$/, "+00:00"),
  };
}

/** SHA-256 of ids, a line each. */
export function idsDigest(ids: readonly string[]): string {
  const hash = sha256.create();
  ids.forEach((id, i) => hash.update(utf8ToBytes((i === 0 ? "" : "\n") + id)));
  return bytesToHex(hash.digest());
}

/** Python code that makes the same selection from scores that are kept in a store. */
export function pythonCode(store: string, scores: string, wish: Json): string {
  return [
    "import nait_widgets as nait",
    "",
    `store = nait.open_store(${python(store)})`,
    "chosen = nait.select(",
    `    store.scores(${python(scores)}),`,
    ...Object.entries(wish).map(([name, value]) => `    ${name}=${python(value)},`),
    ")",
    "",
  ].join("\n");
}

/**
 * A row of the source, with columns of ours behind its own.
 *
 * The source's JSON is kept to the letter: parsing would round large numbers and put number-like keys first.
 */
export function withColumns(original: string, columns: Json): string {
  const added = Object.entries(columns).map(([name, value]) => `${JSON.stringify(`nait_${name}`)}: ${number(value)}`);
  if (added.length === 0) return original;
  const body = original.trimEnd().slice(0, -1).trimEnd();
  return `${body}${body === "{" ? "" : ", "}${added.join(", ")}}`;
}

/** JSON of Python's kind: what isn't finite has a name. */
function number(value: unknown): string {
  if (typeof value === "number" && !Number.isFinite(value)) return Number.isNaN(value) ? "NaN" : `${value}`;
  return JSON.stringify(value);
}
