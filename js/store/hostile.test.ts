import CRC32C from "crc-32/crc32c.js";
import fc from "fast-check";
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { Fields } from "./fields";
import { HttpFiles } from "./files";
import { openStore, type Store } from "./store";
import { type Fault, golden, MemoryFiles, type Metadata, TestServer, unpacked } from "./testing";
import { type Kind, StoreTrouble } from "./trouble";

const ARCHIVE = "store.zarr.zip";
const good = new Map(unpacked(golden(ARCHIVE)));
let server: TestServer;

beforeAll(async () => {
  server = await TestServer.start();
});

beforeEach(() => {
  server.fault = null;
  server.showsHidden = false;
  server.unpack(ARCHIVE, "bad.zarr");
});

afterAll(() => server.close());

const SCORES = "scores/four-ways---café";

async function expectTrouble(work: Promise<unknown>, kind: Kind, says: RegExp): Promise<StoreTrouble> {
  const trouble: unknown = await work.then(
    () => new Error("no trouble"),
    (error: unknown) => error,
  );
  if (!(trouble instanceof StoreTrouble)) throw trouble;
  expect(trouble.what).toMatch(says);
  expect(trouble.kind).toBe(kind);
  for (const sentence of [trouble.what, trouble.mend]) expect(sentence).toMatch(/^\S.*\.$/s);
  return trouble;
}

/** Read what a page would, and more. */
async function everything(store: Store): Promise<void> {
  for (const { key } of store.scoreSets) {
    const scores = await store.scoreSet(key);
    await Promise.all([scores.labels(), scores.axes === null ? null : scores.map(), scores.ids([0]), scores.find("x")]);
    for (const i of scores.directions.keys()) await store.explain(1, scores, i);
  }
  await Promise.all(store.selections.map(({ key }) => store.selection(key)));
  for (const name of ["prompt", "response", "original"] as const) await store.text(name, [0, 599]);
  await store.searchText("mill");
  for (const pool of store.about.layout.pools) await store.activation(599, pool);
  await store.progress();
}

/** Read what an array of this path is for. */
async function read(store: Store, path: string): Promise<void> {
  if (path.startsWith("text/")) await Promise.all([store.text("prompt", [0]), store.text("response", [599])]);
  else if (path.startsWith("mlp_act_")) await Promise.all(["mean", "last"].map((pool) => store.activation(599, pool)));
  else if (path.startsWith("scores/")) await store.scoreSet(store.scoreSets[0]!.key).then((scores) => scores.ids([0]));
  else await store.rows();
}

describe("metadata", () => {
  it("of 50 MB is not downloaded", async () => {
    server.editRoot("bad.zarr", (root) => (root.attributes.giant = "x".repeat(50 * 2 ** 20)));
    const files = server.folder("bad.zarr");
    await expectTrouble(openStore(files, "bad.zarr"), "too-large", /^zarr\.json is 51 MiB, but at most 8 MiB/);
    expect(files).toMatchObject({ requests: 1, transferred: 0 });
  });

  it("that was cut off is damage", async () => {
    server.edit("bad.zarr/zarr.json", (bytes) => bytes.subarray(0, 5000));
    await expectTrouble(server.open("bad.zarr"), "damaged", /^zarr\.json is damaged: it is no JSON \(/);
    server.files.set("bad.zarr/zarr.json", Buffer.of());
    await expectTrouble(server.open("bad.zarr"), "damaged", /^zarr\.json is damaged/);
  });

  const edits: [string, (root: Metadata) => void, Kind, RegExp][] = [
    ["of another format", (root) => delete root.attributes.nait, "foreign", /bad\.zarr is a Zarr group, but not an act/],
    ["of an array", (root) => (root.node_type = "array"), "foreign", /is a Zarr array/],
    ["of a later version", (root) => (root.attributes.nait.format_version = 3), "newer", /version 3, newer than the 2/],
    ["of no version", (root) => delete root.attributes.nait.format_version, "damaged", /format_version is missing/],
    ["with 1e15 rows", (root) => (root.attributes.nait.layout.n_samples = 1e15), "too-large", /1,000,000,000,000,000 rows/],
    ["with 1e15 neurons", (root) => (root.attributes.nait.layout.n_neurons = 1e15), "too-large", /neurons/],
    ["with blocks of a row", (root) => Object.assign(root.attributes.nait.layout, { block_rows: 1, n_samples: 4e7 }), "too-large", /blocks/],
    ["with -1 rows", (root) => (root.attributes.nait.layout.n_samples = -1), "damaged", /n_samples is -1/],
    ["with a path for a site", (root) => (root.attributes.nait.layout.site = "../../x"), "damaged", /site is/],
    ["with layers of text", (root) => (root.attributes.nait.layout.layers = "0,2,3"), "damaged", /layers is "0,2,3"/],
    ["without a layout", (root) => delete root.attributes.nait.layout, "damaged", /layout is missing/],
    ["without a model", (root) => delete root.attributes.nait.provenance.model, "damaged", /model is missing/],
  ]; // prettier-ignore
  it.each(edits)("%s is told", async (_, change, kind, says) => {
    server.editRoot("bad.zarr", change);
    await expectTrouble(server.open("bad.zarr"), kind, says);
  });

  const arrays: [string, string, (array: Metadata) => void, Kind, RegExp][] = [
    ["of 1e15 rows", `${SCORES}/score`, (a) => (a.shape = [1e15, 4]), "damaged", /score: shape is \[1000000000000000,4\]/],
    ["of chunks of 1 TB", `${SCORES}/score`, (a) => (a.chunk_grid.configuration.chunk_shape = [2 ** 37, 1]), "damaged", /below 256 MiB/],
    ["of chunks of nothing", `${SCORES}/score`, (a) => (a.chunk_grid.configuration.chunk_shape = [0, 1]), "damaged", /chunk/],
    ["of other chunks", `${SCORES}/score`, (a) => (a.chunk_grid.configuration.chunk_shape = [600, 2]), "damaged", /other chunks/],
    ["of another type", `${SCORES}/score`, (a) => (a.data_type = "complex128"), "damaged", /data_type is "complex128"/],
    ["of another codec", `${SCORES}/score`, (a) => (a.codecs[1].name = "blosc"), "foreign", /score is not encoded as/],
    ["of a million files", `${SCORES}/score`, (a) => (a.chunk_grid.configuration.chunk_shape = [1, 1]), "damaged", /./],
    ["without checksums", "text/prompt", (a) => a.codecs[0].configuration.codecs.pop(), "foreign", /text\/prompt/],
    ["of odd shards", "text/prompt", (a) => (a.codecs[0].configuration.chunk_shape = [100]), "foreign", /text\/prompt/],
    ["compressed", "mlp_act_mean", (a) => (a.codecs[0].configuration.codecs[1].name = "zstd"), "foreign", /mlp_act_mean/],
    ["in other shards", "mlp_act_mean", (a) => (a.chunk_grid.configuration.chunk_shape = [1024, 3, 12]), "foreign", /mlp_act_mean/],
  ]; // prettier-ignore
  it.each(arrays)("of an array %s is told", async (_, path, change, kind, says) => {
    server.editRoot("bad.zarr", (root) => change(root.consolidated_metadata.metadata[path]));
    const store = await server.open("bad.zarr");
    await expectTrouble(read(store, path), kind, says);
  });

  it("without an array is told", async () => {
    server.editRoot("bad.zarr", (root) => delete root.consolidated_metadata.metadata["text/prompt"]);
    await expectTrouble(
      (await server.open("bad.zarr")).text("prompt", [0]),
      "damaged",
      /array text\/prompt is missing/,
    );
  });

  it("of more labels than a page can hold is told", async () => {
    server.editRoot("bad.zarr", (root) => {
      root.consolidated_metadata.metadata[SCORES].attributes.nait_scores.labels = Array(10_001).fill({});
    });
    const store = await server.open("bad.zarr");
    const scores = await store.scoreSet(store.scoreSets[0]!.key);
    await expectTrouble(scores.labels(), "damaged", /at most 10000 objects/);
  });

  it("of another version of scores is told once they are wanted", async () => {
    const change = (root: Metadata): void => {
      root.consolidated_metadata.metadata[SCORES].attributes.nait_scores.format = "nait-scores-2";
    };
    server.editRoot("bad.zarr", change);
    const store = await server.open("bad.zarr");
    await expectTrouble(store.scoreSet(store.scoreSets[0]!.key), "newer", /nait-scores-2/);
  });

  it("can't reach what all objects share", async () => {
    server.edit("bad.zarr/zarr.json", (bytes) =>
      Buffer.from(
        bytes
          .toString()
          .replace('"metadata":{', '"metadata":{"__proto__":{"node_type":"group"},"scores/__proto__":{"polluted":1},'),
      ),
    );
    const store = await server.open("bad.zarr");
    expect(store.scoreSets).toHaveLength(1);
    for (const key of ["__proto__", "constructor", "toString", "../directions/dot"]) {
      await expectTrouble(store.scoreSet(key), "missing", /There is no/);
    }
    expect(({} as Metadata).polluted).toBeUndefined();
  });

  it("with any of its values replaced gives the store or a trouble, never anything else", async () => {
    const text = new TextDecoder().decode(good.get("zarr.json"));
    const leaves = paths(JSON.parse(text));
    const junk = fc.constantFrom<unknown>(
      undefined,
      null,
      -1,
      0,
      1,
      7,
      1e15,
      0.5,
      "",
      "x",
      "../..",
      [],
      [[]],
      {},
      true,
    );
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...leaves), junk, async (path, value) => {
        const root = JSON.parse(text) as Metadata;
        const holder = path.slice(0, -1).reduce((node, key) => node[key], root);
        if (value === undefined) delete holder[path.at(-1)!];
        else holder[path.at(-1)!] = value;
        const files = new MemoryFiles(new Map([...good, ["zarr.json", Buffer.from(JSON.stringify(root))]]));
        try {
          await everything(await openStore(files, "fuzzed"));
        } catch (error) {
          if (!(error instanceof StoreTrouble)) throw error;
        }
      }),
      { numRuns: 150 },
    );
  }, 60_000);
});

/** The places of all values in JSON. */
function paths(value: unknown): string[][] {
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).flatMap(([key, inner]) => [[key], ...paths(inner).map((path) => [key, ...path])]);
}

it("what all objects inherit is none of a file's values", () => {
  const fields = new Fields(JSON.parse('{"own": 1}'), "x");
  expect(["own", "constructor", "toString", "__proto__"].map((name) => fields.has(name))).toEqual([
    true,
    false,
    false,
    false,
  ]);
});

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

describe("a server", () => {
  it("that ignores ranges is told from one that doesn't by its headers", async () => {
    server.files.set(ARCHIVE, golden(ARCHIVE));
    server.fault = { what: "ignores ranges", path: /./ };
    const store = await server.open("bad.zarr");
    await store.scoreSet(store.scoreSets[0]!.key); // whole files are all the same to it
    const { transferred } = store.files;
    await expectTrouble(store.activation(0, "mean"), "no-ranges", /sends other bytes of mlp_act_mean\/c\/0\/0\/0/);
    expect(store.files.transferred).toBe(transferred);
    await expectTrouble(server.openZip(ARCHIVE), "no-ranges", /sends other bytes of store\.zarr\.zip/);
  });

  it("that sends more than it says is cut off", async () => {
    const endless = new ReadableStream<Uint8Array>({
      pull: (controller) => controller.enqueue(new Uint8Array(2 ** 20)),
    });
    const fetched = vi.spyOn(globalThis, "fetch").mockImplementation(async () => new Response(endless));
    const files = new HttpFiles((path) => path);
    await expectTrouble(openStore(files, "endless.zarr"), "too-large", /zarr\.json is larger/);
    expect(files.transferred).toBeLessThanOrEqual(10 * 2 ** 20);
    fetched.mockRestore();
  });

  it("that sends other bytes than it is asked for is told", async () => {
    const shifted = (): Response =>
      new Response("x".repeat(10), { status: 206, headers: { "Content-Range": "bytes 5-14/1000" } });
    const fetched = vi.spyOn(globalThis, "fetch").mockImplementation(async () => shifted());
    const files = new HttpFiles((path) => path);
    for (const work of [files.range("x", 6, 10), files.tail("x", 10), files.whole("x", 1000)]) {
      await expectTrouble(work, "no-ranges", /sends other bytes of x/);
    }
    expect(await files.range("x", 5, 10)).toHaveLength(10);
    fetched.mockRestore();
  });

  it("that doesn't tell how long a file is gives all of it or none", async () => {
    const bytes = new Uint8Array(8 * 2 ** 20 + 1).fill(32);
    const part = (): Response =>
      new Response(bytes, { status: 206, headers: { "Content-Range": "bytes 0-8388608/*" } });
    const fetched = vi.spyOn(globalThis, "fetch").mockImplementation(async () => part());
    await expectTrouble(openStore(new HttpFiles((path) => path), "x"), "too-large", /zarr\.json is larger/);
    fetched.mockRestore();
  });

  const faults: [Fault, Kind, RegExp][] = [
    [{ what: "forbids", path: /zarr.json/ }, "forbidden", /refuses to give zarr\.json/],
    [{ what: "asks to log in", path: /zarr.json/ }, "forbidden", /page to log in/],
    [{ what: "fails", path: /zarr.json/ }, "offline", /answers 502 when asked for zarr\.json/],
    [{ what: "breaks off", path: /zarr.json/ }, "offline", /zarr\.json can't be read/],
    [{ what: "forbids", path: /mlp_act_mean/ }, "forbidden", /mlp_act_mean\/c/],
    [{ what: "breaks off", path: /text/ }, "offline", /text\/prompt\/c\/\d can't be read/],
  ];
  it.each(faults)("that does this is told: %o", async (fault, kind, says) => {
    server.fault = fault;
    await expectTrouble(server.open("bad.zarr").then(everything), kind, says);
  });

  it("that isn't there is told", async () => {
    const files = new HttpFiles((path) => `http://127.0.0.1:1/${path}`);
    await expectTrouble(openStore(files, "away.zarr"), "offline", /^zarr\.json can't be read \(/);
  });

  it("without a store is told, and whether it may be one of Zarr's version 2", async () => {
    await expectTrouble(
      server.open("nothing.zarr"),
      "missing",
      /no zarr\.json in nothing\.zarr: .* or one of Zarr's version 2/,
    );
    server.files.set("old.zarr/.zgroup", Buffer.from('{"zarr_format": 2}'));
    await expectTrouble(server.open("old.zarr"), "missing", /version 2/); // as Jupyter's server hides it
    server.showsHidden = true;
    await expectTrouble(server.open("old.zarr"), "v2", /old\.zarr is a store of Zarr's version 2/);
  });
});

it("a store without text says so", async () => {
  server.editRoot("bad.zarr", (root) => (root.attributes.nait.layout.text = false));
  const store = await server.open("bad.zarr");
  await expectTrouble(store.text("prompt", [0]), "no-text", /no text/);
  await expectTrouble(store.searchText("x"), "no-text", /no text/);
});

it("a store that keeps scores only says so", async () => {
  server.editRoot("bad.zarr", ({ attributes: { nait } }) => {
    nait.format_version = 2;
    nait.layout.directions = ["math 0123456789abcdef"];
  });
  const store = await server.open("bad.zarr");
  expect(store.about).toMatchObject({ formatVersion: 2, layout: { scoresOnly: true } });
  const trouble = await expectTrouble(store.activation(0, "mean"), "missing", /scores only, and no activations/);
  expect(trouble.mend).toContain("without `--scores-only`");
});

it("a pool that was not captured is told with how to have it", async () => {
  const store = await server.open("bad.zarr");
  const trouble = await expectTrouble(store.activation(0, "weighted"), "missing", /without the pool weighted/);
  expect(trouble.mend).toContain("--pools mean,last,weighted");
});
