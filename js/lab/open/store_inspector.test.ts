import { afterAll, beforeAll, expect, test } from "vitest";
import type { Sample } from "../../inspector/source";
import { golden, TestServer } from "../../store/testing";
import { StoreInspector } from "./store_inspector";

let server: TestServer;

beforeAll(async () => {
  server = await TestServer.start();
});

afterAll(() => server.close());

/** What is told of the golden store's first row, once its metadata are changed. */
async function told(direction: string, change: (metadata: any) => void = () => undefined): Promise<Sample> {
  server.unpack("store.zarr.zip", "store.zarr");
  server.editRoot("store.zarr", ({ consolidated_metadata: { metadata } }) => change(metadata));
  const store = await server.open("store.zarr");
  const scores = await store.scoreSet(store.scoreSets[0]!.key);
  const [id] = await scores.ids([0]);
  return new StoreInspector(store, scores).sample({ id: id!, direction }, new AbortController().signal);
}

const [{ name, scores }] = JSON.parse(golden("store.json").toString()).directions as [
  { name: string; scores: number[] },
];

test("a direction's score is a sum over the layers", async () => {
  const { scored, neurons } = await told(name);
  expect(scored!.score).toBe(scores[0]);
  expect(neurons).toHaveLength(20);
  if (typeof scored!.parts === "string") throw new Error(scored!.parts);
  expect(scored!.parts.layers).toEqual([0, 2, 3]);
  expect(Array.from(scored!.parts.byLayer).reduce((a, b) => a + b)).toBeCloseTo(scores[0]!, 4);
});

test("a scorer's score has no parts, and it is said so", async () => {
  const sample = await told(name, (metadata) => {
    const key = Object.keys(metadata).find((path) => metadata[path].attributes?.nait_scores)!;
    metadata[key].attributes.nait_scores.directions[0].kind = "scorer";
  });
  expect(sample).toMatchObject({ neurons: [], scored: { score: scores[0], parts: expect.stringMatching(/no parts/) } });
});
