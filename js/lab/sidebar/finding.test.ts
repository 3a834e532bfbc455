import { expect, test } from "vitest";
import { AT_ONCE, type Entry, find, type Found, type Looked, type Search } from "./finding";

/** A tree: folders hold names, files hold a size, a text is a link to another path of the tree. */
type Tree = { [name: string]: Tree | number | string };

const EVERYWHERE: Search = { folders: [""], depth: 20, mostFolders: 1e6, mostEntries: 1e6, mostResults: 1e6 };

/** A server of a tree that notes what it is asked, and answers some turns later. */
class Server {
  asked: string[] = [];
  open = 0;
  mostOpen = 0;

  constructor(private readonly tree: Tree) {}

  list = async (path: string): Promise<Entry[]> => {
    this.asked.push(path);
    this.mostOpen = Math.max(this.mostOpen, (this.open += 1));
    for (let turn = 0; turn < 1 + (path.length % 3); turn++) await new Promise((resolve) => setTimeout(resolve));
    this.open -= 1;
    const folder = this.#at(path);
    if (typeof folder !== "object") throw new Error(`${path} is no folder`);
    return Object.entries(folder).map(([name, below]) => ({
      name,
      path: path === "" ? name : `${path}/${name}`,
      type: typeof (typeof below === "string" ? this.#at(below) : below) === "object" ? "directory" : "file",
      created: "2026-01-01",
      last_modified: typeof below === "string" ? "2026-01-03" : "2026-01-02",
    }));
  };

  #at(path: string): Tree | number {
    let at: Tree | number = this.tree;
    for (const name of path.split("/").filter(Boolean)) {
      const below: Tree | number | string | undefined = typeof at === "object" ? at[name] : undefined;
      at = typeof below === "string" ? this.#at(below) : (below ?? 0);
    }
    return at;
  }
}

interface Search_ extends Partial<Search> {
  signal?: AbortSignal;
  found?: (things: readonly Found[]) => void;
}

async function search(tree: Tree, { signal, found, ...where }: Search_ = {}): Promise<[string[], Looked, Server]> {
  const server = new Server(tree);
  const paths: string[] = [];
  const take = (things: readonly Found[]): void => {
    found?.(things);
    paths.push(...things.map(({ path }) => path));
  };
  const looked = await find(server.list, { ...EVERYWHERE, ...where }, take, signal ?? new AbortController().signal);
  return [paths, looked, server];
}

const TREE: Tree = {
  "pool.zarr": { "zarr.json": 1, inner: { "x.zarr": {} } },
  "packed.zarr.zip": 5,
  "notes.txt": 1,
  "file.zarr": 3,
  "folder.zarr.zip": {},
  ".zarr": {},
  data: {
    "maths.direction": 1,
    "pool.maths.recipe.json": 1,
    "recipe.json": 1,
    deeper: { "deep.zarr": {} },
    empty: {},
  },
  ".hidden": { "a.zarr": {} },
  ".venv": { "b.zarr": {} },
  node_modules: { "c.zarr": {} },
  __pycache__: { "d.zarr": {} },
};

test("finds each kind by its name, the near ones first, and looks into no store and no hidden folder", async () => {
  const kinds: Found[] = [];
  const [paths, looked, server] = await search(TREE, { found: (things) => kinds.push(...things) });
  expect(paths).toEqual([
    "packed.zarr.zip",
    "pool.zarr",
    "data/maths.direction",
    "data/pool.maths.recipe.json",
    "data/deeper/deep.zarr",
  ]);
  expect(kinds.map(({ kind }) => kind)).toEqual(["packed", "store", "direction", "recipe", "store"]);
  expect(server.asked.sort()).toEqual(["", "data", "data/deeper", "data/empty", "folder.zarr.zip"]);
  expect(looked).toEqual({ folders: 5, entries: 17, results: 5, omitted: [] });
});

test("never has more than four listings open, and reads a broad tree breadth first", async () => {
  const leaf = (): Tree => Object.fromEntries(Array.from({ length: 5 }, (_, i) => [`s${i}.zarr`, {}]));
  const tree: Tree = Object.fromEntries(Array.from({ length: 12 }, (_, i) => [`f${i}`, { ...leaf(), below: leaf() }]));
  const [paths, , server] = await search(tree);
  expect(server.mostOpen).toBe(AT_ONCE);
  expect(paths.length).toBe(120);
  const depths = server.asked.map((path) => path.split("/").length);
  expect(depths.slice(0, 13).every((depth) => depth === 1)).toBe(true);
});

test("links that go in circles end", async () => {
  const loop: Tree = { "a.zarr": {}, below: { again: "", "b.zarr": {} }, here: "" };
  const [paths, looked] = await search(loop, { depth: 60, mostFolders: 5000 });
  expect(new Set(paths)).toEqual(new Set(["a.zarr", "below/b.zarr"]));
  expect(looked.folders).toBe(4); // the root, below, and each link once
  const mutual: Tree = { x: { "x.zarr": {}, to: "y" }, y: { "y.zarr": {}, to: "x" } };
  expect((await search(mutual, { depth: 60 }))[1].folders).toBeLessThan(10);
});

test("each bound ends the search and is told, with the place", async () => {
  expect((await search(TREE, { depth: 1 }))[1].omitted).toEqual([{ why: "depth", path: "data/deeper", count: 2 }]);
  expect((await search(TREE, { mostFolders: 2 }))[1]).toMatchObject({
    folders: 2,
    omitted: [{ why: "folders", path: "folder.zarr.zip", count: 3 }],
  });
  const [, entries] = await search(TREE, { mostEntries: 11 });
  expect(entries.omitted).toEqual([{ why: "entries", path: "data", count: 2 }]);
  const [few, results] = await search(TREE, { mostResults: 3 });
  expect(few).toEqual(["packed.zarr.zip", "pool.zarr", "data/maths.direction"]);
  expect(results.omitted).toContainEqual({ why: "results", path: "data", count: 1 + 2 });
});

test("a folder that can't be read is told, and the others are looked into", async () => {
  const [paths, looked] = await search({ a: { "a.zarr": {} } }, { folders: ["nowhere", "a", "gone"] });
  expect(paths).toEqual(["a/a.zarr"]);
  expect(looked.omitted).toEqual([{ why: new Error("nowhere is no folder"), path: "nowhere", count: 2 }]);
});

test("folders that lie in one another are read once", async () => {
  const [paths, , server] = await search(TREE, { folders: ["", "data", "data/deeper"] });
  expect(server.asked.length).toBe(new Set(server.asked).size);
  expect(paths.length).toBe(new Set(paths).size);
});

test("once given up, nothing more is asked or found", async () => {
  const closing = new AbortController();
  const wide: Tree = Object.fromEntries(Array.from({ length: 50 }, (_, i) => [`f${i}`, { "a.zarr": {} }]));
  let calls = 0;
  const [paths, , server] = await search(wide, {
    signal: closing.signal,
    found: () => {
      calls += 1;
      if (calls === 3) closing.abort();
    },
  });
  expect(calls).toBe(3);
  expect(paths.length).toBe(2);
  expect(server.asked.length).toBeLessThan(12);
});
