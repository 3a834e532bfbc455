import { spawnSync } from "node:child_process";
import fc from "fast-check";
import { expect, test } from "vitest";
import { literal } from "../../core/python";
import { cellFor, work } from "./python";

const python = ["python3", "python"].find((name) => spawnSync(name, ["--version"]).status === 0);

/** What Python makes of some expressions, as JSON. */
function evaluated(expressions: string[]): unknown {
  const code = "import ast, json, sys\nprint(json.dumps([ast.literal_eval(line) for line in json.load(sys.stdin)]))";
  const { stdout, stderr } = spawnSync(python!, ["-c", code], {
    input: JSON.stringify(expressions),
    encoding: "utf-8",
  });
  return stderr === "" ? JSON.parse(stdout) : stderr;
}

const HOSTILE = [
  `"); import os; os.system("x") #`,
  `'''"""\\`,
  "a\nb\r\0\x1b[2J\x7f\x85\u2028\u2029",
  "\u202egnp.exe\u2066 \u200b\ufeff\u{e0041}\u00a0",
  "{} %s {path} ünïcödé 數據 \u{1f600}",
  "half \ud83d",
];

test.skipIf(python === undefined)("Python reads back whatever a path is", () => {
  expect(evaluated(HOSTILE.map(literal))).toEqual(HOSTILE);
  const texts = fc.sample(fc.string({ unit: "binary" }), 300);
  expect(evaluated(texts.map(literal))).toEqual(texts);
});

test("a literal is one line of what can be seen", () => {
  for (const text of HOSTILE) expect(literal(text)).toMatch(/^"[^\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}\u00a0]*"$/u);
  expect(literal("數據/é.zarr")).toBe('"數據/é.zarr"');
});

test("each kind has its cell", () => {
  expect(cellFor("store", "../a.zarr")).toBe(
    'import nait_widgets as nait\n\nstore = nait.open_store("../a.zarr")\nstore',
  );
  expect(cellFor("direction", "m.direction")).toContain('direction = nait.Direction.load("m.direction")');
  expect(cellFor("scorer", "l.scorer")).toContain('scorer = nait.Scorer.load("l.scorer")');
  expect(cellFor("recipe", "r.recipe.json")).toContain('nait.Recipe.load("r.recipe.json").repeat()');
});

test.skipIf(python === undefined)("what a kernel is told to do is Python, with the name as data", () => {
  const name = HOSTILE.join("");
  const code = work({ task: "pack", name, text: false, overwrite: true });
  const check =
    "import ast, sys\ntree = ast.parse(sys.stdin.read())\nprint(len(tree.body), type(tree.body[-1]).__name__)";
  const { stdout } = spawnSync(python!, ["-c", check], { input: code, encoding: "utf-8" });
  expect(stdout.trim()).toBe("3 Expr");
});
