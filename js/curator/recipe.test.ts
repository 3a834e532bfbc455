import { describe, expect, it } from "vitest";
import { NO_ROWS } from "../core/rows";
import { idsDigest, pythonCode, recipeOf, stateOf, wishOf, withColumns } from "./recipe";

const IDS = ["a", "b", "ü", "d"];
const WISH = {
  fraction: 0.5,
  merge: "max",
  filters: { text: "it's", ids: ["d", "b"] },
  pinned: ["ü"],
  excluded: ["a"],
};

describe("a wish", () => {
  it("becomes a state and the same wish again, sets in the order of the store", () => {
    const state = stateOf(WISH, IDS);
    expect(Array.from(state.lasso!)).toEqual([1, 3]);
    expect(Array.from(state.pinned)).toEqual([2]);
    expect(wishOf(state, IDS)).toEqual({ ...WISH, filters: { text: "it's", ids: ["b", "d"] } });
  });

  it("that asks for nothing by id has no sets; an empty lasso is one", () => {
    const plain = stateOf({ k: 3 }, IDS);
    expect([plain.lasso, plain.pinned, plain.excluded]).toEqual([null, NO_ROWS, NO_ROWS]);
    expect(wishOf(plain, IDS)).toEqual({ k: 3 });
    expect(stateOf({ k: 3, filters: { ids: [] } }, IDS).lasso).toEqual(NO_ROWS);
  });

  it("of another store is refused", () => {
    expect(() => stateOf({ k: 1, pinned: ["zz"] }, IDS)).toThrow("There is no sample zz");
  });
});

describe("a recipe", () => {
  it("has the digest that Python computes", () => {
    // hashlib.sha256("\n".join(["a", "ü", "d"]).encode()).hexdigest()
    const digest = "8142dbc53573bf297f273605ff4d150c5ba24e3317be6717b84414cf12ed8f72";
    expect(idsDigest(Int32Array.of(3, 0, 2), IDS)).toBe(digest);
    const origin = {
      path: "s.zarr",
      rows: 4,
      dataSha256: "d",
      weightsHash: "w",
      directions: [{ name: "m", digest: "x" }],
    };
    const recipe = recipeOf(origin, WISH, Int32Array.of(3, 0, 2), IDS, { columns: ["score"], order: "rank" });
    expect(recipe).toMatchObject({
      format: "nait-recipe-1",
      directions: [{ name: "m", digest: "x", path: null }],
      result: { rows: 3, ids_sha256: digest },
    });
  });

  it("is Python code, too", () => {
    const wish = { fraction: 0.1, filters: { text: 'a "b"\n', narrow: false, tokens: [null, 5] } };
    expect(pythonCode("s.zarr", "robust", wish)).toBe(
      [
        "import nait_widgets as nait",
        "",
        'store = nait.open_store("s.zarr")',
        "chosen = nait.select(",
        '    store.scores("robust"),',
        "    fraction=0.1,",
        '    filters={"text": "a \\"b\\"\\n", "narrow": False, "tokens": [None, 5]},',
        ")",
        "",
      ].join("\n"),
    );
  });
});

describe("columns", () => {
  it("stand behind the source's, which stay to the letter", () => {
    const original = '{"10": 1.0, "2": 12345678901234567890, "a": {}}';
    expect(withColumns(original, {})).toBe(original);
    expect(withColumns(original, { score: 0.5, rank: 2 })).toBe(
      '{"10": 1.0, "2": 12345678901234567890, "a": {}, "nait_score": 0.5, "nait_rank": 2}',
    );
    expect(withColumns("{}", { rank: 1 })).toBe('{"nait_rank": 1}');
    expect(withColumns("{}", { score: -Infinity })).toBe('{"nait_score": -Infinity}');
  });
});
