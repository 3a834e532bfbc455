/** The arrays of a store: found in its metadata, decoded by zarrita, and never filled where something is missing. */

import { Array as ZarrArray } from "zarrita";
import { registerCodecs } from "./codecs";
import type { Files } from "./files";
import { tooLarge } from "./http";
import { BYTES_OF, type Dtype, MOST_METADATA, parsed, type Plan, planOf, product } from "./metadata";
import { Cache, together } from "./sharing";
import { Strings } from "./strings";
import { StoreTrouble, telling } from "./trouble";

registerCodecs();

const CTORS = {
  uint8: Uint8Array,
  int32: Int32Array,
  float32: Float32Array,
  float64: Float64Array,
} as const;

/** The types of numbers that are decoded whole. */
export type Numeric = keyof typeof CTORS;
export type Numbers<T extends Numeric> = InstanceType<(typeof CTORS)[T]>;

/** Half floats are read elsewhere: not every browser has an array of them. */
type Decoded = Exclude<Dtype, "float16">;

const MOST_FILE = 64 * 2 ** 20;
const MOST_NUMBERS = 2 ** 30; // bytes of one array
const KEPT = 64 * 2 ** 20; // bytes of decoded chunks

export class Arrays {
  readonly #opened = new Map<string, ZarrArray<Decoded>>();
  readonly #chunks = new Cache<Strings | Numbers<Numeric>>(KEPT);

  /** @param nodes The metadata of all arrays; null where each has its own file only. */
  constructor(
    readonly files: Files,
    private readonly nodes: ReadonlyMap<string, unknown> | null,
  ) {}

  /**
   * How an array is to be read.
   *
   * @throws StoreTrouble It is missing, or not of that type and shape.
   */
  async plan(path: string, dtypes: readonly Dtype[], shape: readonly number[], signal?: AbortSignal): Promise<Plan> {
    const node = this.nodes === null ? await this.#ownNode(path, signal) : this.nodes.get(path);
    return planOf(node, path, dtypes, shape);
  }

  /**
   * All numbers of an array that is cut into chunks along its first dimension.
   *
   * @param column Of an array whose columns are chunks of their own, which one; null for an array in one piece.
   */
  async numbers<T extends Numeric>(
    path: string,
    dtype: T,
    shape: readonly number[],
    column: number | null = null,
    signal?: AbortSignal,
  ): Promise<Numbers<T>> {
    const plan = await this.plan(path, [dtype], shape, signal);
    const [rows, ...rest] = plan.chunk as [number, ...number[]];
    const whole = column === null ? shape.slice(1) : [1];
    if (String(rest) !== String(whole)) throw notSo(path);
    const [n, width] = [shape[0]!, product(whole)];
    if (n * width * BYTES_OF[dtype] > MOST_NUMBERS) throw tooLarge(path, n * width * BYTES_OF[dtype], MOST_NUMBERS);
    const all = new CTORS[dtype](n * width);
    const beyond = column === null ? shape.slice(1).map(() => 0) : [column];
    const load = async (i: number, either: AbortSignal): Promise<void> => {
      const chunk = (await this.#decode(plan, [i, ...beyond], either)) as Numbers<T>;
      all.set(chunk.subarray(0, Math.min(rows, n - i * rows) * width), i * rows * width);
    };
    await together(Math.ceil(n / rows), load, signal);
    return all as Numbers<T>;
  }

  /** One number of a column. */
  async number(path: string, dtype: Numeric, n: number, row: number, signal?: AbortSignal): Promise<number> {
    const plan = await this.plan(path, [dtype], [n], signal);
    const rows = plan.chunk[0]!;
    const chunk = (await this.#kept(plan, Math.floor(row / rows), signal)) as Numbers<Numeric>;
    return chunk[row % rows]!;
  }

  /** The values of a chunk of a column; null where it hasn't been written yet. */
  async written(plan: Plan, chunk: number, signal?: AbortSignal): Promise<Numbers<Numeric> | null> {
    try {
      return (await this.#kept(plan, chunk, signal)) as Numbers<Numeric>;
    } catch (error) {
      if (isLost(error)) return null;
      throw error;
    }
  }

  /** A chunk of a column of texts. */
  async strings(plan: Plan, chunk: number, signal?: AbortSignal): Promise<Strings> {
    return (await this.#kept(plan, chunk, signal)) as Strings;
  }

  /** The texts of some rows of a column. */
  async texts(path: string, n: number, rows: ArrayLike<number>, signal?: AbortSignal): Promise<string[]> {
    const plan = await this.plan(path, ["string"], [n], signal);
    const size = plan.chunk[0]!;
    const chunks = new Map<number, number[]>(); // the places in `rows` whose texts each has
    for (let i = 0; i < rows.length; i++) {
      const chunk = Math.floor(rows[i]! / size);
      const places = chunks.get(chunk);
      if (places === undefined) chunks.set(chunk, [i]);
      else places.push(i);
    }
    const found = new Array<string>(rows.length);
    const wanted = [...chunks];
    const load = async (k: number, either: AbortSignal): Promise<void> => {
      const strings = await this.strings(plan, wanted[k]![0], either);
      for (const i of wanted[k]![1]) found[i] = strings.at(rows[i]! % size);
    };
    await together(wanted.length, load, signal);
    return found;
  }

  #kept(plan: Plan, chunk: number, signal: AbortSignal | undefined): Promise<Strings | Numbers<Numeric>> {
    return this.#chunks.get(`${plan.path} ${chunk}`, (shared) => this.#decode(plan, [chunk], shared), signal);
  }

  async #decode(plan: Plan, at: number[], signal: AbortSignal): Promise<Strings | Numbers<Numeric>> {
    const file = fileOf(plan, at);
    const { data } = await telling("damaged", `${file} can't be decoded`, () =>
      this.#open(plan).getChunk(at, { signal }),
    );
    const values = data as unknown as Strings | Numbers<Numeric>;
    // zarrita gives a chunk that isn't there as fill values, and those of texts as a list.
    const is = plan.dtype === "string" ? Strings : CTORS[plan.dtype as Numeric];
    if (!(values instanceof is)) throw new StoreTrouble("damaged", `A chunk of ${file} is missing.`);
    if (values.length === product(plan.chunk)) return values;
    throw new StoreTrouble("damaged", `A chunk of ${file} has ${values.length} values, not ${product(plan.chunk)}.`);
  }

  /** An array as zarrita reads it: described anew, so that nothing unchecked reaches it. */
  #open(plan: Plan): ZarrArray<Decoded> {
    const { path, dtype, shape, chunk, shard, raw } = plan;
    const known = this.#opened.get(path);
    if (known !== undefined) return known;
    const bytes = { name: "bytes", configuration: { endian: "little" } };
    const crc32c = { name: "crc32c", configuration: {} };
    const zstd = { name: "zstd", configuration: { level: 0 } };
    const first = dtype === "string" ? { name: "vlen-utf8", configuration: {} } : bytes;
    const codecs = raw ? [first, crc32c] : [first, zstd, crc32c];
    const configuration = { chunk_shape: [...chunk], codecs, index_codecs: [bytes, crc32c], index_location: "end" };
    const array = new ZarrArray<Decoded>(this.#readable(), `/${path}`, {
      zarr_format: 3,
      node_type: "array",
      shape: [...shape],
      data_type: dtype as Decoded,
      chunk_grid: { name: "regular", configuration: { chunk_shape: [...(shard ?? chunk)] } },
      chunk_key_encoding: { name: "default", configuration: { separator: "/" } },
      codecs: shard === null ? codecs : [{ name: "sharding_indexed", configuration }],
      fill_value: dtype === "string" ? "" : 0,
      attributes: {},
    });
    this.#opened.set(path, array);
    return array;
  }

  #readable(): ZarrArray<Decoded>["store"] {
    return {
      get: (key, options) => lost(this.files.whole(key.slice(1), MOST_FILE, options?.signal)),
      getRange: (key, range, options) =>
        "suffixLength" in range
          ? lost(this.files.tail(key.slice(1), range.suffixLength)) // an index is for all, whoever asks for it first
          : lost(this.files.range(key.slice(1), range.offset, range.length, options?.signal)),
    };
  }

  async #ownNode(path: string, signal: AbortSignal | undefined): Promise<unknown> {
    const file = `${path}/zarr.json`;
    return parsed(await lost(this.files.whole(file, MOST_METADATA, signal)), file);
  }
}

/** The file of a chunk. */
export function fileOf({ path, chunk, shard }: Plan, at: readonly number[]): string {
  const file = at.map((place, i) => (shard === null ? place : Math.floor((place * chunk[i]!) / shard[i]!)));
  return [path, "c", ...file].join("/");
}

/** What the store's metadata promises is lost where it isn't there. */
export async function lost<T>(read: Promise<T>): Promise<T> {
  try {
    return await read;
  } catch (error) {
    if (!(error instanceof StoreTrouble) || error.kind !== "missing") throw error;
    throw new StoreTrouble("damaged", `${error.what.slice(0, -1)}, though the store's metadata promises it.`, {
      cause: error,
    });
  }
}

function isLost(error: unknown): boolean {
  return error instanceof StoreTrouble && error.cause instanceof StoreTrouble && error.cause.kind === "missing";
}

function notSo(path: string): StoreTrouble {
  return new StoreTrouble("damaged", `The array ${path} is cut into other chunks than it should be.`);
}
