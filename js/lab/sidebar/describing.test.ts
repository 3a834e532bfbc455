import { expect, test } from "vitest";
import type { Bytes, Files } from "../../store/files";
import type { Kind } from "../kinds";
import { describe, type Reading } from "./describing";

const LAYOUT = {
  n_samples: 3000,
  site: "mlp_act",
  layers: [0, 1],
  n_neurons: 100,
  pools: ["mean"],
  dtype: "float16",
  loss: false,
  text: true,
  block_rows: 1024,
};
const STORE = {
  zarr_format: 3,
  node_type: "group",
  attributes: {
    nait: {
      format_version: 1,
      state: "complete",
      wide_layers: {},
      shared_first_token: false,
      layout: LAYOUT,
      provenance: { model: { name: "llama", weights_hash: "w" }, source: { name: "data", sha256: "d" } },
    },
  },
};
const CAPTURING = {
  ...STORE,
  attributes: { nait: { ...STORE.attributes.nait, state: "capturing" } },
};
const DIRECTION = { name: "maths", site: "mlp_act", preset: "robust", model: { name: "llama" } };
const SCORER = {
  name: "near gsm8k",
  kind: "knn",
  options: { k: 5 },
  origin: { samples: 64, model: { name: "llama" } },
};
const RECIPE = {
  format: "nait-recipe-1",
  store: { path: "../runs/a.zarr" },
  directions: [{ name: "maths" }, { name: "code" }],
  result: { rows: 1 },
};

function bytesOf(value: unknown): Bytes {
  return new TextEncoder().encode(typeof value === "string" ? value : JSON.stringify(value));
}

/** A safetensors file: the header's length, the header, and what follows. */
function safetensors(header: object, padding = 0): Bytes {
  const text = bytesOf(JSON.stringify(header) + " ".repeat(padding));
  const bytes = new Uint8Array(8 + text.length + 1000);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(text.length), true);
  bytes.set(text, 8);
  return bytes;
}

function directionFile(padding = 0): Bytes {
  const metadata = { format: "nait-direction-1", direction: JSON.stringify(DIRECTION), sha256: "0" };
  return safetensors({ __metadata__: metadata, vectors: {} }, padding);
}

function scorerFile(scorer: object): Bytes {
  const metadata = { format: "nait-scorer-1", scorer: JSON.stringify(scorer), sha256: "0" };
  return safetensors({ __metadata__: metadata });
}

/** A server of one file or store, which counts what it reads of it. */
class Server implements Reading {
  readonly read: number[] = [];

  constructor(
    private readonly bytes: Bytes,
    private readonly folders: Record<string, string[]> = {},
  ) {}

  async store(): Promise<Files> {
    const whole = async (): Promise<Bytes> => this.bytes;
    return { whole, range: whole, tail: whole, transferred: 0, requests: 0 };
  }

  part: Reading["part"] = async (_path, span) => {
    const end = "length" in span ? span.offset + span.length : "whole" in span ? span.whole : 0;
    const bytes = this.bytes.slice(0, end);
    this.read.push(bytes.length);
    return { bytes, total: this.bytes.length };
  };

  names: Reading["names"] = async (path) => this.folders[path] ?? [];
}

function told(kind: Kind, path: string, server: Server, bytes: number | null = null): Promise<unknown> {
  return describe({ kind, path, modified: "", bytes }, server, new AbortController().signal);
}

test("a store: its model, rows, size and site", async () => {
  expect(await told("store", "a.zarr", new Server(bytesOf(STORE)))).toEqual({
    facts: ["llama", "3,000 rows", "≈ 1.2 MB", "mlp_act"],
    progress: null,
  });
  expect(await told("packed", "a.zarr.zip", new Server(bytesOf(STORE)), 123)).toMatchObject({
    facts: ["llama", "3,000 rows", "123 B", "mlp_act"],
  });
});

test("a capture that goes on: how many blocks have their status", async () => {
  const going = (folders: Record<string, string[]>): Promise<unknown> =>
    told("store", "a.zarr", new Server(bytesOf(CAPTURING), folders));
  expect(await going({ "a.zarr/status": ["zarr.json"] })).toMatchObject({ progress: 0 });
  const names = ["0", "2", "2.partial"];
  expect(await going({ "a.zarr/status": ["c"], "a.zarr/status/c": names })).toMatchObject({ progress: 2 / 3 });
});

test("a direction, by the little at its beginning", async () => {
  const small = new Server(directionFile());
  expect(await told("direction", "m.direction", small)).toEqual({
    facts: ["maths", "llama", "mlp_act", "preset robust"],
    progress: null,
  });
  expect(small.read.length).toBe(1);
  const large = new Server(directionFile(1_000_000));
  expect(await told("direction", "m.direction", large)).toMatchObject({
    facts: ["maths", "llama", "mlp_act", "preset robust"],
  });
  expect(large.read.length).toBe(2);
});

test("a scorer: its kind and options, and what it was fitted to", async () => {
  expect(await told("scorer", "n.scorer", new Server(scorerFile(SCORER)))).toEqual({
    facts: ["near gsm8k", "knn", "k 5", "64 targets", "llama"],
    progress: null,
  });
  const plain = { name: "length", kind: "length", options: { of: "response" }, origin: null };
  expect(await told("scorer", "l.scorer", new Server(scorerFile(plain)))).toMatchObject({
    facts: ["length", "length", "of response"],
  });
});

test("a recipe: how many rows, by what, of what", async () => {
  expect(await told("recipe", "r.recipe.json", new Server(bytesOf(RECIPE)))).toEqual({
    facts: ["1 row", "maths, code", "of a.zarr"],
    progress: null,
  });
});

test.each<[string, Kind, Bytes]>([
  ["is cut off", "direction", directionFile().slice(0, 100)],
  ["doesn't begin as a safetensors file does", "direction", bytesOf("{}")],
  ["doesn't begin as a safetensors file does", "direction", new Uint8Array(20).fill(255)],
  ["isn't a direction of format", "direction", safetensors({ vectors: {} })],
  ["must be an object", "direction", safetensors([])],
  ["isn't a scorer of format nait-scorer-1", "scorer", directionFile()],
  ["isn't a scorer: it is cut off", "scorer", scorerFile(SCORER).slice(0, 60)],
  ["options", "scorer", scorerFile({ name: "x", kind: "x", options: 3 })],
  ["isn't a recipe of format", "recipe", bytesOf({ format: "other" })],
  ["directions", "recipe", bytesOf({ ...RECIPE, directions: "maths" })],
  ["rows", "recipe", bytesOf({ ...RECIPE, result: { rows: -1 } })],
  ["is no JSON", "recipe", bytesOf("{")],
  ["format version 7", "store", bytesOf({ ...STORE, attributes: { nait: { format_version: 7 } } })],
])("says why it isn't one: %s", async (why, kind, bytes) => {
  await expect(told(kind, "file", new Server(bytes))).rejects.toThrow(why);
});
