import CRC32C from "crc-32/crc32c.js";
import { afterAll, beforeEach, describe, it } from "vitest";
import { everything, expectTrouble, mend, read, SCORES } from "./provoking";
import { TestServer } from "./testing";

const server = await TestServer.start();
beforeEach(() => mend(server));
afterAll(() => server.close());

describe("damage", () => {
  const flip = (bytes: Buffer, place: number): Buffer => {
    bytes[Math.floor(place * bytes.length)]! ^= 0x10;
    return bytes;
  };
  const damages: [string, string, (bytes: Buffer) => Uint8Array, RegExp][] = [
    ["a bit flipped in scores", `${SCORES}/score/c/0/1`, (bytes) => flip(bytes, 0.5), /score\/c\/0\/1 can't be decoded \(its checksum/],
    ["a bit flipped in a shard of texts", "text/prompt/c/0", (bytes) => flip(bytes, 0.1), /text\/prompt\/c\/0 can't be decoded \(its/],
    ["a bit flipped in the index of such", "text/prompt/c/0", (bytes) => flip(bytes, 0.999), /text\/prompt\/c\/0 can't be/],
    ["texts cut off", "text/prompt/c/0", (bytes) => bytes.subarray(0, 3000), /text\/prompt\/c\/0 can't be decoded/],
    ["scores cut off", `${SCORES}/score/c/0/1`, (bytes) => bytes.subarray(0, 3), /score\/c\/0\/1 can't be decoded/],
    ["scores emptied", `${SCORES}/score/c/0/1`, () => Buffer.of(), /score\/c\/0\/1 can't be decoded/],
    ["a shard cut off", "mlp_act_last/c/1/0/0", (bytes) => bytes.subarray(0, 9000), /^The index at the end of mlp_act_last\/c\/1\/0\/0 is damaged/],
    ["a shard cut to nothing", "mlp_act_last/c/1/0/0", (bytes) => bytes.subarray(0, 50), /mlp_act_last\/c\/1\/0\/0/],
    ["a shard with its middle gone", "mlp_act_last/c/1/0/0", (bytes) => bytes.subarray(-100), /mlp_act_last\/c\/1\/0\/0 ends .*before/],
    ["an index that leads beyond", "mlp_act_last/c/1/0/0", (bytes) => reindexed(bytes, 100, [[1e12, 6148]]), /ends before/],
    ["an index of long chunks", "mlp_act_last/c/1/0/0", (bytes) => reindexed(bytes, 100, [[0, 1e12]]), /1000000000000 bytes long/],
    ["a chunk that was never written", "mlp_act_last/c/1/0/0", (bytes) => reindexed(bytes, 100, [[-1, -1]]), /lacks the chunk/],
    ["texts that were never written", "text/prompt/c/0", (bytes) => reindexed(bytes, 68, [[-1, -1]]), /A chunk of text\/prompt\/c\/0 is missing/],
    ["texts of endless length", "text/prompt/c/0", (bytes) => reindexed(bytes, 68, [[0, 1e12]]), /text\/prompt\/c\/0 .* at most 64 MiB/],
  ]; // prettier-ignore
  it.each(damages)("by %s is told with the file's name", async (_, path, change, says) => {
    server.edit(`bad.zarr/${path}`, change);
    const kind = says.source.includes("MiB") ? "too-large" : "damaged";
    await expectTrouble(read(await server.open("bad.zarr"), path), kind, says);
  });

  it.each([`${SCORES}/score/c/0/0`, "text/response/c/1", "mlp_act_last/c/1/0/0", "n_tokens/c/0"])(
    "by the loss of %s is told, not filled in",
    async (path) => {
      server.files.delete(`bad.zarr/${path}`);
      const work = server.open("bad.zarr").then((store) => read(store, path));
      await expectTrouble(work, "damaged", new RegExp(`There is no ${path}, though the store's metadata promises it`));
    },
  );

  /** A shard whose index begins otherwise, its checksum right. */
  function reindexed(bytes: Buffer, indexLength: number, chunks: number[][]): Buffer {
    const index = bytes.subarray(-indexLength);
    chunks.flat().forEach((value, i) => index.writeBigUInt64LE(BigInt.asUintN(64, BigInt(value)), 8 * i));
    index.writeInt32LE(CRC32C.buf(index.subarray(0, -4)), indexLength - 4);
    return bytes;
  }
});

describe("a bomb", () => {
  const chunk = `${SCORES}/status/c/0`;

  it("is refused by the size that it declares, before anything is unpacked", async () => {
    for (const declared of [601, 2 ** 40]) {
      server.files.set(`bad.zarr/${chunk}`, framed(Buffer.of(1), declared));
      const says = new RegExp(
        `status/c/0 can't be decoded \\(it would unpack to ${declared} bytes where .* 600 at most`,
      );
      await expectTrouble(read(await server.open("bad.zarr"), SCORES), "damaged", says);
    }
  });

  it("is refused where it declares less than it is, or nothing", async () => {
    server.files.set(`bad.zarr/${chunk}`, framed(Buffer.alloc(100_000), 600));
    await expectTrouble(read(await server.open("bad.zarr"), SCORES), "damaged", /status\/c\/0 can't be decoded/);
    server.files.set(`bad.zarr/${chunk}`, framed(Buffer.alloc(599)));
    await expectTrouble(
      everything(await server.open("bad.zarr")),
      "damaged",
      /has 599 values, not 600|can't be decoded/,
    );
    const undeclared = Buffer.from("28b52ffd00580900000000", "hex");
    server.files.set(`bad.zarr/${chunk}`, summed(undeclared));
    await expectTrouble(read(await server.open("bad.zarr"), SCORES), "damaged", /unpack to Infinity bytes/);
  });

  it("of texts is refused by their number and their lengths", async () => {
    const ids = `${SCORES}/sample_id/c/0`;
    const texts = (...numbers: number[]): Buffer => Buffer.from(Uint32Array.from(numbers).buffer);
    for (const [content, says] of [
      [texts(2 ** 32 - 1), /texts end early/],
      [texts(1, 2 ** 32 - 1), /texts end early/],
      [texts(2, 0, 4), /texts end early/],
      [texts(2, 0, 0), /has 2 values, not 600/],
    ] as const) {
      server.files.set(`bad.zarr/${ids}`, framed(content));
      await expectTrouble(read(await server.open("bad.zarr"), SCORES), "damaged", says);
    }
  });

  /** A zstd frame of one raw block, and its checksum. */
  function framed(content: Buffer, declared: number = content.length): Buffer {
    const header = Buffer.alloc(16);
    header.writeUInt32LE(0xfd2fb528, 0);
    header[4] = 0xe0; // eight bytes of size follow, in a single segment
    header.writeBigUInt64LE(BigInt(declared), 5);
    header.writeUIntLE(1 | (content.length << 3), 13, 3);
    return summed(Buffer.concat([header, content]));
  }

  function summed(bytes: Buffer): Buffer {
    const sum = Buffer.alloc(4);
    sum.writeInt32LE(CRC32C.buf(bytes));
    return Buffer.concat([bytes, sum]);
  }
});
