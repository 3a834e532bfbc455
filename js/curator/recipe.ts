/** A selection as it is kept and shared: its wish with ids for sets of rows, the recipe, Python code, rows as JSONL. */

import { sha256 } from "@noble/hashes/sha2.js";
import { bytesToHex, utf8ToBytes } from "@noble/hashes/utils.js";
import type { State } from "../core/curation";
import { NO_ROWS, type Rows } from "../core/rows";
import { asJson, asked } from "../core/wish";

export type Json = Record<string, unknown>;

/** What a recipe says of a store; `directions` are kept in it. */
export interface Origin {
  /** The store's path, relative to the recipe's. */
  path: string;
  rows: number;
  dataSha256: string;
  weightsHash: string;
  directions: readonly { name: string; digest: string }[];
}

const FORMAT = "nait-recipe-1";

/** A state as the kernel's `Wish` has it. */
export function wishOf(state: State, ids: readonly string[]): Json {
  const wish: Json = asJson(state.asked);
  const named = (rows: Rows): string[] => Array.from(rows, (row) => ids[row]!);
  if (state.lasso !== null) wish["filters"] = { ...(wish["filters"] as Json | undefined), ids: named(state.lasso) };
  if (state.pinned.length > 0) wish["pinned"] = named(state.pinned);
  if (state.excluded.length > 0) wish["excluded"] = named(state.excluded);
  return wish;
}

/** The state that a wish asks for. Fails where it names a sample that isn't there. */
export function stateOf(wish: Json, ids: readonly string[]): State {
  const { ids: lasso, ...filters } = { ...(wish["filters"] as Json | undefined) };
  let known: Map<string, number> | null = null;
  const rows = (named: unknown): Rows => {
    if (!Array.isArray(named) || named.length === 0) return NO_ROWS;
    known ??= new Map(ids.map((id, row) => [id, row]));
    return Int32Array.from(named, (id: string) => {
      const row = known!.get(id);
      if (row === undefined) throw new Error(`There is no sample ${id} here: the selection is of another store.`);
      return row;
    }).sort();
  };
  return {
    asked: asked({ ...wish, filters }),
    lasso: lasso === undefined || lasso === null ? null : rows(lasso),
    pinned: rows(wish["pinned"]),
    excluded: rows(wish["excluded"]),
  };
}

/**
 * A recipe that `nait select --recipe` repeats.
 *
 * @param chosen The rows that were chosen, in any order.
 */
export function recipeOf(
  origin: Origin,
  wish: Json,
  chosen: Rows,
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
    directions: origin.directions.map(({ name, digest }) => ({ name, digest, path: null })),
    wish,
    export: exporting,
    result: { rows: chosen.length, ids_sha256: idsDigest(chosen, ids) },
    created: new Date().toISOString().replace(/\.\d+Z$/, "+00:00"),
  };
}

/** SHA-256 of the chosen ids in the order of the source, a line each. */
export function idsDigest(chosen: Rows, ids: readonly string[]): string {
  const hash = sha256.create();
  chosen
    .slice()
    .sort()
    .forEach((row, i) => hash.update(utf8ToBytes((i === 0 ? "" : "\n") + ids[row]!)));
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

/** A value of JSON as Python writes it. */
export function python(value: unknown): string {
  if (value === null) return "None";
  if (value === true) return "True";
  if (value === false) return "False";
  if (Array.isArray(value)) return `[${value.map(python).join(", ")}]`;
  if (typeof value === "object") {
    const entries = Object.entries(value).map(([name, each]) => `${python(name)}: ${python(each)}`);
    return `{${entries.join(", ")}}`;
  }
  // Strings of JSON are strings of Python, but for what lies outside the basic plane, which `JSON.stringify` leaves.
  return JSON.stringify(value);
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
