/** Single rows out of shards whose chunks are their numbers as they are: offsets say where, and nothing else is read. */

import { lost } from "./arrays";
import { withoutChecksum } from "./codecs";
import type { Files } from "./files";
import { fromFloat16 } from "./float16";
import { BYTES_OF, type Plan, product } from "./metadata";
import { Cache } from "./sharing";
import { StoreTrouble, telling } from "./trouble";

const NOWHERE = 0xffff_ffff_ffff_ffffn; // the offset of a chunk that was never written
const CHECKSUM = 4;
const KEPT = 8 * 2 ** 20; // bytes of indexes

export class Shards {
  readonly #indexes = new Cache<BigUint64Array>(KEPT);

  constructor(private readonly files: Files) {}

  /**
   * The numbers of one row in one chunk of each shard.
   *
   * Its bytes alone are under no checksum: that of a chunk is of all its rows.
   *
   * @param plan An array (sample, layer, neuron) or (sample, neuron), one layer a chunk.
   * @param layer The position of the layer; 0 where there is but one.
   */
  async row(plan: Plan, row: number, layer: number, signal?: AbortSignal): Promise<Float32Array<ArrayBuffer>> {
    const [blockRows, chunkRows] = [plan.shard![0]!, plan.chunk[0]!];
    const block = Math.floor(row / blockRows);
    const file = [plan.path, "c", block, ...plan.shape.slice(1).map(() => 0)].join("/");
    const index = await this.#index(plan, file, signal);
    const layers = product(plan.shard!) / product(plan.chunk) / (blockRows / chunkRows);
    const place = Math.floor((row % blockRows) / chunkRows) * layers + layer;
    const [offset, length] = [index[2 * place]!, index[2 * place + 1]!];
    const rowBytes = product(plan.chunk.slice(1)) * BYTES_OF[plan.dtype];
    if (offset === NOWHERE) throw new StoreTrouble("damaged", `${file} lacks the chunk of row ${row}.`);
    if (Number(length) !== chunkRows * rowBytes + CHECKSUM) {
      throw new StoreTrouble("damaged", `A chunk of ${file} is ${length} bytes long, which none can be.`);
    }
    const start = Number(offset) + (row % chunkRows) * rowBytes;
    const bytes = await lost(this.files.range(file, start, rowBytes, signal));
    return plan.dtype === "float16" ? fromFloat16(bytes) : new Float32Array(bytes.slice().buffer);
  }

  /** Offset and length of each chunk of a shard. */
  #index(plan: Plan, file: string, signal: AbortSignal | undefined): Promise<BigUint64Array> {
    const length = 16 * (product(plan.shard!) / product(plan.chunk)) + CHECKSUM;
    return this.#indexes.get(
      file,
      async (shared) => {
        const bytes = await lost(this.files.tail(file, length, shared));
        return telling("damaged", `The index at the end of ${file} is damaged`, () => {
          if (bytes.length !== length) throw new Error("it was cut off");
          return new BigUint64Array(withoutChecksum(bytes).slice().buffer);
        });
      },
      signal,
    );
  }
}
