import { spawnSync } from "node:child_process";
import { expect, test } from "vitest";
import { curation, type Given } from "./template";

const GIVEN: Given = { path: "../runs/a.zarr", model: "org/model", scores: null, isPacked: false };

const python = ["python3", "python"].find((name) => spawnSync(name, ["--version"]).status === 0);

function source(given: Given | null): string {
  return curation("pool.zarr", given)
    .filter(({ cell_type }) => cell_type === "code")
    .map((cell) => cell.source)
    .join("\n");
}

test("without a store it captures one, and keeps scores and selection in it", () => {
  for (const step of ["read_records", "capture(", "fit_direction", "score(", "save_scores", "Curator(", "export("])
    expect(source(null)).toContain(step);
  expect(source(null)).toContain('candidates, "pool.zarr"');
});

test("a store is gone on with, by its own scores where it has any", () => {
  expect(source(GIVEN)).toContain('open_store("../runs/a.zarr")');
  expect(source(GIVEN)).toContain('load_model("org/model")');
  expect(source(GIVEN)).not.toContain("capture(");
  const scored = source({ ...GIVEN, scores: "curation" });
  expect(scored).toContain('pool.scores("curation")');
  expect(scored).not.toContain("load_model");
});

test("nothing is saved in a store that can only be read", () => {
  for (const scores of [null, "curation"]) expect(source({ ...GIVEN, isPacked: true, scores })).not.toContain(".save_");
});

test.skipIf(python === undefined)("every cell is Python, whatever a store and its model are called", () => {
  const hostile = 'x"\n); import os #\u202e';
  const given = { path: hostile, model: hostile, scores: null, isPacked: false };
  const check = "import ast, json, sys\n[ast.parse(cell) for cell in json.load(sys.stdin)]";
  for (const one of [null, GIVEN, given, { ...given, scores: hostile }]) {
    const input = JSON.stringify([source(one)]);
    expect(spawnSync(python!, ["-c", check], { input, encoding: "utf-8" }).stderr).toBe("");
    expect(source(one)).not.toContain("\u202e");
  }
});
