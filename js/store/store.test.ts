import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { top } from "../core/explain";
import type { ScoreSet } from "./scores";
import { openStore, type Store } from "./store";
import { golden, TestServer } from "./testing";
import type { TextName } from "./text";

type Numbers = (number | null)[];

/** What Python says of the golden store; see tests/golden_store.py. */
interface Said {
  name: string;
  ids: string[];
  tokens: number[];
  status: number[];
  directions: { name: string; scores: Numbers; layer_mean: number[]; layer_scale: number[] }[];
  labels: Record<string, { values: string[]; codes: number[] }>;
  map: { axes: string; xy: [number | null, number | null][] };
  texts: Record<TextName, Record<string, string>>;
  searches: Record<string, number[]>;
  activations: Record<string, Record<string, Numbers>>;
  explanations: { row: number; direction: number; contributions: Numbers; by_layer: Numbers; top: number[][] }[];
  selections: Record<string, { rows: number[]; wish: Record<string, unknown> }>;
}

const said = JSON.parse(golden("store.json").toString()) as Said;
const ARCHIVE = "store.zarr.zip";
let server: TestServer;

beforeAll(async () => {
  server = await TestServer.start();
  server.unpack(ARCHIVE, "store.zarr");
  server.unpack("old.zarr.zip", "old.zarr");
  server.files.set(ARCHIVE, golden(ARCHIVE));
});

afterAll(() => server.close());

const nan = (values: Numbers): number[] => values.map((value) => value ?? NaN);

function expectClose(actual: ArrayLike<number>, expected: Numbers, tolerance = 1e-9): void {
  expect(actual.length).toBe(expected.length);
  nan(expected).forEach((value, i) => {
    if (Number.isNaN(value)) expect(actual[i]).toBeNaN();
    else expect(Math.abs(actual[i]! - value)).toBeLessThanOrEqual(tolerance * Math.max(1, Math.abs(value)));
  });
}

describe.each(["a folder", "an archive"])("a store in %s", (kind) => {
  let store: Store;
  let scores: ScoreSet;

  beforeAll(async () => {
    store = kind === "a folder" ? await server.open("store.zarr") : await server.openZip(ARCHIVE);
    scores = await store.scoreSet(store.scoreSets[0]!.key);
  });

  it("says what it is and what is saved in it", () => {
    expect(store.about).toMatchObject({ formatVersion: 1, complete: true, model: "golden", source: "golden.jsonl" });
    expect(store.about.layout).toMatchObject({ nSamples: 600, layers: [0, 2, 3], nNeurons: 12, blockRows: 512 });
    expect(store.scoreSets.map(({ name }) => name)).toEqual([said.name]);
    expect(store.directions.map(({ name }) => name)).toEqual(["cosine", "dot", "last", "twice the first", "z-score"]);
    expect(store.selections.map(({ name }) => name)).toEqual(["mill, A", "the last seven"]);
  });

  it("has the scores of all rows, and what a curation needs beside them", async () => {
    expect(scores.pool.directions).toEqual(said.directions.map(({ name }) => name));
    said.directions.forEach((direction, i) => {
      expect([...scores.pool.scores[i]!]).toEqual(nan(direction.scores));
      expect([...scores.directions[i]!.layerMean]).toEqual(direction.layer_mean);
      expect([...scores.directions[i]!.layerScale]).toEqual(direction.layer_scale);
    });
    expect([...scores.pool.tokens]).toEqual(said.tokens);
    expect([...scores.responseTokens]).toEqual(said.tokens.map((n) => Math.floor(n / 2)));
    expect([...scores.pool.status]).toEqual(said.status);
    const labels = await scores.labels();
    expect(Object.fromEntries(labels.map(({ name, values, codes }) => [name, { values, codes: [...codes] }]))).toEqual(
      said.labels,
    );
    const { x, y } = await scores.map();
    expect(scores.axes).toBe(said.map.axes);
    expect([...x].map((value, i) => [value, y[i]])).toEqual(said.map.xy.map(nan));
  });

  it("knows every row's id, and the row of an id", async () => {
    const every = said.ids.map((_, row) => row);
    expect(await scores.ids(every)).toEqual(said.ids);
    expect(await store.ids(every)).toEqual(said.ids);
    expect(await scores.find("Zeile №595")).toBe(595);
    expect(await scores.find("row-6000")).toBeNull();
    expect(await scores.find("")).toBeNull();
  });

  it.each(["prompt", "response", "original"] as const)("has the %s of any row, to the letter", async (name) => {
    const rows = Object.keys(said.texts[name]).map(Number).reverse();
    expect(await store.text(name, rows)).toEqual(rows.map((row) => said.texts[name][row]));
  });

  it.each(Object.entries(said.searches))("finds %j where Python finds it", async (needle, rows) => {
    const seen: number[] = [];
    const found = await store.searchText(needle, (done) => seen.push(done));
    expect([...said.ids.keys()].filter((row) => (found[row >> 3]! >> (row & 7)) & 1)).toEqual(rows);
    expect(seen).toEqual([512, 600]);
  });

  it.each(Object.keys(said.activations))("has the activations of a row in the pool %s, to the bit", async (pool) => {
    for (const [row, values] of Object.entries(said.activations[pool]!)) {
      expect([...(await store.activation(Number(row), pool))], row).toEqual(nan(values));
    }
  });

  it("explains the score of a row", async () => {
    for (const { row, direction, contributions, by_layer, top: strongest } of said.explanations) {
      const found = await store.explain(row, scores, direction);
      expectClose(found.byLayer!, by_layer);
      expectClose(found.contributions!, contributions);
      const score = found.byLayer!.reduce((sum, part) => sum + part, 0);
      expectClose([score], [said.directions[direction]!.scores[row]!], 1e-5); // scores are of float32 products
      const terms = top(found.contributions!, found.activation, 3, 5);
      expect(
        terms.map(({ layer, neuron, activation }) => [store.about.layout.layers[layer], neuron, activation]),
      ).toEqual(strongest.map((term) => term.slice(0, 3)));
    }
  });

  it("has the selections: what was asked for, and the rows", async () => {
    const [mill, last] = await Promise.all(store.selections.map(({ key }) => store.selection(key)));
    expect([...mill!.rows]).toEqual(said.selections["mill, A"]!.rows);
    expect([...last!.rows]).toEqual(said.selections["the last seven"]!.rows);
    expect(mill).toMatchObject({
      scores: scores.key,
      asked: {
        wish: { size: { fraction: 0.2 }, merge: "mean-z", weights: { dot: 0.5 }, end: "top" },
        filters: { text: "mill", tokens: [5, null], labels: { topic: ["A", "__proto__"] }, narrow: true },
      },
      pinned: ["row-1"],
      excluded: ["row-9"],
      lasso: null,
    });
    expect(last!.asked.wish).toMatchObject({ size: { k: 7 }, end: "bottom" });
    expect(mill!.directions).toEqual(scores.directions.map(({ name, digest }) => ({ name, digest })));
  });
});

it("tells scorers from directions", async () => {
  server.unpack(ARCHIVE, "mixed.zarr");
  const change = (kind: string): void =>
    server.editRoot("mixed.zarr", ({ consolidated_metadata: { metadata } }) => {
      const key = Object.keys(metadata).find((path) => metadata[path].attributes?.nait_scores)!;
      metadata[key].attributes.nait_scores.directions[1].kind = kind;
      const nait_scorer = { format: "nait-scorer-1", name: "near, k 5" };
      metadata["scorers/near"] = { node_type: "group", zarr_format: 3, attributes: { nait_scorer } };
    });
  change("scorer");
  const store = await server.open("mixed.zarr");
  const scores = await store.scoreSet(store.scoreSets[0]!.key);
  expect(scores.directions.map(({ kind }) => kind)).toEqual(
    said.directions.map((_, i) => (i === 1 ? "scorer" : "direction")),
  );
  expect(store.scorers).toEqual([{ key: "near", name: "near, k 5" }]);
  expect((await store.selection(store.selections[0]!.key)).directions.map(({ name }) => name)).toEqual(
    scores.pool.directions,
  );
  change("oracle");
  const other = await server.open("mixed.zarr");
  await expect(other.scoreSet(other.scoreSets[0]!.key)).rejects.toThrow(/kind is "oracle", but must be scorer/);
});

it("tells what layers add where the neurons' means were not saved", async () => {
  server.unpack(ARCHIVE, "meanless.zarr");
  server.editRoot("meanless.zarr", ({ consolidated_metadata: { metadata } }) => {
    for (const path of Object.keys(metadata)) if (/^scores.*neuron_mean$/.test(path)) delete metadata[path];
  });
  const store = await server.open("meanless.zarr");
  const scores = await store.scoreSet(store.scoreSets[0]!.key);
  for (const { row, direction, by_layer } of said.explanations) {
    const found = await store.explain(row, scores, direction);
    expectClose(found.byLayer!, by_layer, 1e-6);
    expect(found.contributions === null).toBe(said.directions[direction]!.name === "z-score");
  }
});

describe("what is read", () => {
  it("is one file to open a folder, and the end of an archive and one file of it", async () => {
    const folder = await server.open("store.zarr");
    expect(folder.files).toMatchObject({ requests: 1, transferred: server.files.get("store.zarr/zarr.json")!.length });
    const zip = await server.openZip(ARCHIVE);
    expect(zip.files.requests).toBe(2);
    expect(zip.files.transferred).toBe(128 * 1024 + server.files.get("store.zarr/zarr.json")!.length);
  });

  it("is each row's own bytes of an activation, once the index of its shard is known", async () => {
    const asked: string[] = [];
    const files = server.folder("store.zarr");
    const { range, tail } = files;
    files.range = (path, offset, length, signal) => {
      asked.push(`${length} of ${path}`);
      return range.call(files, path, offset, length, signal);
    };
    files.tail = (path, length, signal) => {
      asked.push(`the last ${length} of ${path}`);
      return tail.call(files, path, length, signal);
    };
    const store = await openStore(files, "store.zarr");
    await store.activation(0, "last");
    await store.activation(511, "last");
    const [own, index] = ["24 of mlp_act_last/c/0/0/0", "the last 100 of mlp_act_last/c/0/0/0"];
    expect(asked).toEqual([index, own, own, own, own, own, own]);
  });

  it("is asked for again by nobody once it is known", async () => {
    const store = await server.open("store.zarr");
    await store.text("prompt", [0, 300, 599]);
    const { requests } = store.files;
    expect(await store.text("prompt", [599, 1, 0])).toHaveLength(3);
    expect(store.files.requests).toBe(requests);
  });

  it("is not read to its end by those who gave it up, and all of it by those who did not", async () => {
    const store = await server.open("store.zarr");
    const giving = new AbortController();
    const given = store.text("prompt", [0, 1, 599], giving.signal);
    const kept = store.text("prompt", [599, 0]);
    giving.abort();
    await expect(given).rejects.toMatchObject({ name: "AbortError" });
    expect(await kept).toEqual([said.texts.prompt[599], said.texts.prompt[0]]);
    await expect(store.searchText("mill", undefined, giving.signal)).rejects.toMatchObject({ name: "AbortError" });
  });
});

it("reads texts of before they were sharded", async () => {
  const store = await server.open("old.zarr");
  expect(await store.text("response", [39, 0, 17])).toEqual(["response 39", "response 0", "response 17"]);
  const found = await store.searchText("PROMPT 3");
  expect([...Array(40).keys()].filter((row) => (found[row >> 3]! >> (row & 7)) & 1)).toEqual([
    3, 30, 31, 32, 33, 34, 35, 36, 37, 38, 39,
  ]);
  expect([...(await store.activation(17, "mean"))]).toEqual([17, 17, 17, 17]);
  expect(store.scoreSets).toEqual([]);
  expect([...(await store.rows()).tokens]).toEqual(Array(40).fill(3));
});

it("tells how far a capture has come", async () => {
  server.unpack("old.zarr.zip", "capturing.zarr");
  server.files.delete("capturing.zarr/status/c/2");
  server.editRoot("capturing.zarr", (root) => {
    root.attributes.nait.state = "capturing";
    delete root.consolidated_metadata;
  });
  const store = await server.open("capturing.zarr");
  expect(store.about.complete).toBe(false);
  expect(await store.progress()).toMatchObject({ done: 32, total: 40 });
  const { requests } = store.files;
  server.files.set("capturing.zarr/status/c/2", server.files.get("old.zarr/status/c/2")!);
  expect(await store.progress()).toMatchObject({ done: 40, total: 40 });
  expect(store.files.requests - requests).toBe(2); // its metadata again, and the block that was missing
  await expect(store.activation(0, "mean")).rejects.toMatchObject({ kind: "incomplete" });
});
