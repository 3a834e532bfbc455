import { afterAll, beforeEach, describe, expect, it, vi } from "vitest";
import { HttpFiles } from "./files";
import { ARCHIVE, everything, expectTrouble, mend } from "./provoking";
import { openStore } from "./store";
import { type Fault, golden, TestServer } from "./testing";
import type { Kind } from "./trouble";

const server = await TestServer.start();
beforeEach(() => mend(server));
afterAll(() => server.close());

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
