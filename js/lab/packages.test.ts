/** package.json and what is imported: a package of JupyterLab that isn't named, with its range, warns or fails elsewhere. */

import { readdirSync, readFileSync } from "node:fs";
import { expect, test } from "vitest";

const root = new URL("../../", import.meta.url);
const read = (path: string): string => readFileSync(new URL(path, root), "utf-8");
const { dependencies, jupyterlab } = JSON.parse(read("package.json")) as {
  dependencies: Record<string, string>;
  jupyterlab: { sharedPackages: Record<string, { requiredVersion: string } | false> };
};

/** The packages that the shipped code imports: "d3-scale", "@lumino/widgets". */
const imported = new Set(
  readdirSync(new URL("js", root), { recursive: true, encoding: "utf-8" })
    .filter((name) => name.endsWith(".ts") && !name.endsWith(".test.ts"))
    .flatMap((name) => [...read(`js/${name}`).matchAll(/(?:from|import\(?) ?"((?:@[\w-]+\/)?[\w-][\w.-]*)/g)])
    .map((match) => match[1]!)
    .filter((name) => name !== "node" && name !== "@anywidget/types"),
);

test("every dependency is imported, and every import a dependency", () => {
  expect(Object.keys(dependencies).sort()).toEqual([...imported].sort());
});

test("JupyterLab's own packages are shared in the range that they are depended on, all others are bundled", () => {
  const { sharedPackages } = jupyterlab;
  const expected = Object.entries(dependencies)
    .filter(([name]) => !name.startsWith("@lumino/")) // shared in ranges that hold since JupyterLab 4.0
    .map(([name, range]) => [name, name.startsWith("@jupyterlab/") && { requiredVersion: range }]);
  expect(sharedPackages).toEqual(Object.fromEntries(expected));
});
