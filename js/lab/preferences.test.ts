import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { DEFAULTS, preferences, RANGES } from "./preferences";

interface Property {
  default: unknown;
  minimum?: number;
  maximum?: number;
}

const schema = JSON.parse(readFileSync(new URL("../../schema/plugin.json", import.meta.url), "utf-8")) as {
  properties: Record<string, Property>;
};

test("the schema and the reader agree on names, defaults and ranges", () => {
  const { properties } = schema;
  expect(Object.fromEntries(Object.entries(properties).map(([name, { default: value }]) => [name, value]))).toEqual(
    DEFAULTS,
  );
  for (const [name, [least, most]] of Object.entries(RANGES))
    expect([properties[name]!.minimum, properties[name]!.maximum]).toEqual([least, most]);
});

test("what is set is read", () => {
  const set = { ...DEFAULTS, columns: ["score", "id"], palette: "greys", folders: ["data", "runs/a"], depth: 2 };
  expect(preferences(set)).toEqual(set);
});

test("what means nothing has its default", () => {
  const wrong = { columns: ["price", 3], palette: "rainbow", tableRows: 0, depth: "3", folders: ["../up", 7] };
  expect(preferences(wrong)).toEqual(DEFAULTS);
  expect(preferences({ mostFolders: Infinity, mapHeight: null, columns: "id" })).toEqual(DEFAULTS);
});

test("folders are named as the server names them, each once", () => {
  expect(preferences({ folders: ["/data//stores/", "data/stores", "./x"] }).folders).toEqual(["data/stores", "x"]);
  expect(preferences({ folders: ["/"] }).folders).toEqual([""]);
});
