import fc from "fast-check";
import { afterAll, beforeEach, describe, expect, it } from "vitest";
import { Fields } from "./fields";
import { ARCHIVE, everything, expectTrouble, mend, read, SCORES } from "./provoking";
import { openStore } from "./store";
import { golden, MemoryFiles, type Metadata, TestServer, unpacked } from "./testing";
import { type Kind, StoreTrouble } from "./trouble";

const good = new Map(unpacked(golden(ARCHIVE)));
const server = await TestServer.start();
beforeEach(() => mend(server));
afterAll(() => server.close());

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
