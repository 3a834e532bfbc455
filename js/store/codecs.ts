/**
 * The codecs that a store's chunks go through: zarrita's, but none that lets damage or a bomb through.
 *
 * zarrita drops checksums unread, lets a compressed chunk be as large as it says, and makes a string of every text.
 */

import CRC32C from "crc-32/crc32c.js";
import { registry } from "zarrita";
import { BYTES_OF, type Dtype, product } from "./metadata";
import { Strings } from "./strings";
import { telling } from "./trouble";

const MOST_TEXT = 256 * 2 ** 20; // of a chunk

/** What a codec is told of the chunks that it decodes. */
interface Chunk {
  dataType: Dtype;
  shape: number[];
}

/** What zarrita makes a codec with; nothing is ever encoded here. */
interface Codec {
  fromConfig(configuration: unknown, chunk: Chunk): object;
}

const loadZstd = registry.get("zstd")!;

/** The bytes before a checksum that is right. */
export function withoutChecksum(bytes: Uint8Array): Uint8Array {
  const content = bytes.subarray(0, Math.max(0, bytes.length - 4));
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < 4 || CRC32C.buf(content) !== view.getInt32(content.length, true)) {
    throw new Error("its checksum doesn't match");
  }
  return content;
}

/** How long the content of a zstd frame is, by its header (RFC 8878, 3.1.1.1); Infinity where it doesn't say. */
export function zstdSize(bytes: Uint8Array): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (view.getUint32(0, true) !== 0xfd2fb528) throw new Error("it is no zstd frame");
  const descriptor = view.getUint8(4);
  const single = (descriptor >> 5) & 1;
  const at = 5 + (single ? 0 : 1) + [0, 1, 2, 4][descriptor & 3]!;
  switch (descriptor >> 6) {
    case 0:
      return single ? view.getUint8(at) : Infinity;
    case 1:
      return view.getUint16(at, true) + 256;
    case 2:
      return view.getUint32(at, true);
    default:
      return Number(view.getBigUint64(at, true));
  }
}

const checksum = {
  kind: "bytes_to_bytes",
  decode: withoutChecksum,
  computeEncodedSize: (size: number) => size + 4,
};

function texts({ shape }: Chunk): object {
  return { kind: "array_to_bytes", decode: (bytes: Uint8Array) => ({ data: new Strings(bytes), shape, stride: [1] }) };
}

/** Fetched with the first chunk that needs it: it is larger than all the rest together. */
async function boundedZstd(): Promise<Codec> {
  const zstd = await telling("offline", "The decoder of zstd can't be loaded", loadZstd);
  return {
    fromConfig: (configuration, chunk) => {
      const decoder = zstd.fromConfig(configuration, chunk as never);
      const most = chunk.dataType === "string" ? MOST_TEXT : product(chunk.shape) * BYTES_OF[chunk.dataType];
      const decode = (bytes: Uint8Array): ReturnType<typeof decoder.decode> => {
        const size = zstdSize(bytes);
        if (size > most) throw new Error(`it would unpack to ${size} bytes where there can be ${most} at most`);
        return decoder.decode(bytes);
      };
      return { kind: "bytes_to_bytes", decode };
    },
  };
}

/** Put these codecs in the place of zarrita's. */
export function registerCodecs(): void {
  const register = (name: string, load: () => Promise<Codec>): unknown => registry.set(name, load as never);
  register("crc32c", async () => ({ fromConfig: () => checksum }));
  register("vlen-utf8", async () => ({ fromConfig: (_, chunk) => texts(chunk) }));
  register("zstd", boundedZstd);
}
