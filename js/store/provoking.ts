/** How the tests of this room have a store to break, read it as a page would, and expect to be told. */

import assert from "node:assert/strict";
import type { Store } from "./store";
import type { TestServer } from "./testing";
import { type Kind, StoreTrouble } from "./trouble";

export const ARCHIVE = "store.zarr.zip";
export const SCORES = "scores/four-ways---café";

/** Have a server do as it should again, and the golden store lie whole in its `bad.zarr`. */
export function mend(server: TestServer): void {
  server.fault = null;
  server.showsHidden = false;
  server.unpack(ARCHIVE, "bad.zarr");
}

/** The trouble that some work ends in, of this kind, told in whole sentences. */
export async function expectTrouble(work: Promise<unknown>, kind: Kind, says: RegExp): Promise<StoreTrouble> {
  const trouble: unknown = await work.then(
    () => new Error("no trouble"),
    (error: unknown) => error,
  );
  if (!(trouble instanceof StoreTrouble)) throw trouble;
  assert.match(trouble.what, says);
  assert.equal(trouble.kind, kind);
  for (const sentence of [trouble.what, trouble.mend]) assert.match(sentence, /^\S.*\.$/s);
  return trouble;
}

/** Read what a page would, and more. */
export async function everything(store: Store): Promise<void> {
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
export async function read(store: Store, path: string): Promise<void> {
  if (path.startsWith("text/")) await Promise.all([store.text("prompt", [0]), store.text("response", [599])]);
  else if (path.startsWith("mlp_act_")) await Promise.all(["mean", "last"].map((pool) => store.activation(599, pool)));
  else if (path.startsWith("scores/")) await store.scoreSet(store.scoreSets[0]!.key).then((scores) => scores.ids([0]));
  else await store.rows();
}
