/** The metadata of a store: one file at its root that also holds that of all its arrays. */

import { Fields } from "./fields";
import { FORMAT_VERSION } from "./layout";
import { StoreTrouble, telling } from "./trouble";

export const ROOT = "zarr.json";
export const MOST_METADATA = 8 * 2 ** 20;

const MOST_CHUNK = 256 * 2 ** 20;
const MOST_CHUNKS = 1_000_000;

export const BYTES_OF = { uint8: 1, int32: 4, float32: 4, float64: 8, float16: 2, string: 1 } as const;
export type Dtype = keyof typeof BYTES_OF;

export interface Root {
  /** The attribute that makes a Zarr group an activation store. */
  readonly nait: Fields;
  /** Groups and arrays by their paths; null where they were not gathered (yet). */
  readonly nodes: ReadonlyMap<string, unknown> | null;
}

/** How an array lies on disk, in the few forms in which stores are written. */
export interface Plan {
  readonly path: string;
  readonly dtype: Dtype;
  readonly shape: readonly number[];
  /** What is decoded at once. */
  readonly chunk: readonly number[];
  /** What is a file, where that is several chunks. */
  readonly shard: readonly number[] | null;
  /** Whether a chunk is its numbers as they are, and a checksum. */
  readonly raw: boolean;
}

/** @throws StoreTrouble It isn't the metadata of an activation store that can be read here. */
export async function parseRoot(bytes: Uint8Array, name: string): Promise<Root> {
  const root = new Fields(await parsed(bytes, ROOT), ROOT);
  if (root.any("zarr_format") !== 3) throw root.wrong("zarr_format", "3");
  const attributes = root.has("attributes") ? root.fields("attributes") : null;
  if (root.any("node_type") !== "group" || !attributes?.has("nait")) {
    const what = root.any("node_type") === "group" ? "group" : "array";
    throw new StoreTrouble("foreign", `${name} is a Zarr ${what}, but not an activation store.`);
  }
  const nait = attributes.fields("nait");
  const version = nait.count("format_version");
  if (version > FORMAT_VERSION) {
    throw new StoreTrouble(
      "newer",
      `${name} has format version ${version}, newer than the ${FORMAT_VERSION} that is read here.`,
    );
  }
  if (!root.has("consolidated_metadata")) return { nait, nodes: null };
  const nodes = root.fields("consolidated_metadata").fields("metadata");
  return { nait, nodes: new Map(nodes.names.map((path) => [path, nodes.any(path)])) };
}

/** JSON of a file. */
export async function parsed(bytes: Uint8Array, path: string): Promise<unknown> {
  return telling("damaged", `${path} is damaged: it is no JSON`, () =>
    JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes)),
  );
}

/**
 * How an array is to be read.
 *
 * @param shape What the store's layout says that its shape must be.
 * @throws StoreTrouble It isn't there, or isn't an array as the store's writer makes it.
 */
export function planOf(node: unknown, path: string, dtypes: readonly Dtype[], shape: readonly number[]): Plan {
  if (node === undefined) throw new StoreTrouble("damaged", `The array ${path} is missing.`);
  const fields = new Fields(node, path);
  if (fields.any("node_type") !== "array") throw fields.wrong("node_type", "array");
  const dtype = fields.oneOf("data_type", dtypes);
  const own = fields.counts("shape");
  if (String(own) !== String(shape)) throw fields.wrong("shape", `[${shape}], as the store's layout says`);
  const file = chunkOf(fields.fields("chunk_grid"), "regular", shape);
  const keys = fields.fields("chunk_key_encoding");
  const separator = keys.has("configuration") ? keys.fields("configuration").any("separator") : "/";
  if (keys.any("name") !== "default" || (separator ?? "/") !== "/") throw foreign(path);
  const codecs = fields.objects("codecs");
  const sharding = codecs.length === 1 && codecs[0]!.any("name") === "sharding_indexed" ? codecs[0]! : null;
  const chunk = sharding === null ? file : innerChunk(sharding, file, path);
  const inner = sharding === null ? codecs : sharding.fields("configuration").objects("codecs");
  const names = inner.map((codec) => codec.any("name")).join(" ");
  const first = dtype === "string" ? "vlen-utf8" : "bytes";
  const raw = names === `${first} crc32c`;
  if ((!raw && names !== `${first} zstd crc32c`) || !littleEndian(inner[0]!)) throw foreign(path);
  if (product(chunk) * BYTES_OF[dtype] > MOST_CHUNK) throw fields.wrong("chunk_grid", "of chunks below 256 MiB");
  const files = file.reduce((n, length, i) => n * Math.ceil(shape[i]! / length), 1);
  if (files > MOST_CHUNKS) throw fields.wrong("chunk_grid", `of at most ${MOST_CHUNKS} files`);
  return { path, dtype, shape, chunk, shard: sharding === null ? null : file, raw };
}

/** The chunks of a shard, whose index must be where and as it is expected. */
function innerChunk(sharding: Fields, shard: readonly number[], path: string): number[] {
  const configuration = sharding.fields("configuration");
  const chunk = configuration.counts("chunk_shape");
  const index = configuration.objects("index_codecs");
  const fits = chunk.length === shard.length && chunk.every((length, i) => length > 0 && shard[i]! % length === 0);
  const atEnd = (configuration.any("index_location") ?? "end") === "end";
  const plain = index.map((codec) => codec.any("name")).join(" ") === "bytes crc32c" && littleEndian(index[0]!);
  if (!fits || !atEnd || !plain || product(shard) / product(chunk) > MOST_CHUNKS) throw foreign(path);
  return chunk;
}

function chunkOf(grid: Fields, name: string, shape: readonly number[]): number[] {
  const chunk = grid.fields("configuration").counts("chunk_shape");
  if (grid.any("name") !== name || chunk.length !== shape.length || chunk.includes(0)) {
    throw grid.wrong("configuration", `chunks of ${shape.length} dimensions`);
  }
  return chunk;
}

function littleEndian(codec: Fields): boolean {
  return !codec.has("configuration") || (codec.fields("configuration").any("endian") ?? "little") === "little";
}

function foreign(path: string): StoreTrouble {
  return new StoreTrouble("foreign", `The array ${path} is not encoded as nait-widgets encodes it.`, {
    mend: "Open the store in Python by `nait.open_store`, or get it as it was captured.",
  });
}

export function product(values: readonly number[]): number {
  return values.reduce((n, value) => n * value, 1);
}
