import { describe, expect, it } from "vitest";
import { asked } from "../core/wish";
import { idsDigest, type Origin, pythonCode, recipeOf, stateOf, wishOf, withColumns } from "./recipe";

const IDS = ["a", "b", "ü", "d"];
const ASKED = asked({ fraction: 0.5, merge: "max", filters: { text: "it's" } });
const WISH = {
  fraction: 0.5,
  merge: "max",
  filters: { text: "it's", ids: ["b", "d"] },
  pinned: ["ü"],
  excluded: ["a"],
};

describe("a wish", () => {
  it("becomes a state with its sets in the order of the store, and is said by their ids", () => {
    const state = stateOf(ASKED, { lasso: ["d", "b"], pinned: ["ü"], excluded: ["a"] }, IDS);
    expect(Array.from(state.lasso!)).toEqual([1, 3]);
    expect(Array.from(state.pinned)).toEqual([2]);
    expect(wishOf(ASKED, { lasso: ["b", "d"], pinned: ["ü"], excluded: ["a"] })).toEqual(WISH);
  });

  it("that asks for nothing by id has no sets; an empty lasso is one", () => {
    const none = { lasso: null, pinned: [], excluded: [] };
    expect(stateOf(ASKED, none, IDS).lasso).toBeNull();
    expect(wishOf(asked({ k: 3 }), none)).toEqual({ k: 3 });
    expect(wishOf(asked({ k: 3 }), { ...none, lasso: [] })).toEqual({ k: 3, filters: { ids: [] } });
    expect(stateOf(ASKED, { ...none, lasso: [] }, IDS).lasso).toHaveLength(0);
  });

  it("of another store is refused", () => {
    expect(() => stateOf(ASKED, { lasso: null, pinned: ["zz"], excluded: [] }, IDS)).toThrow("There is no sample zz");
  });
});

describe("a recipe", () => {
  it("has the digest that Python computes", () => {
    // hashlib.sha256("\n".join(["a", "ü", "d"]).encode()).hexdigest()
    const digest = "8142dbc53573bf297f273605ff4d150c5ba24e3317be6717b84414cf12ed8f72";
    expect(idsDigest(["a", "ü", "d"])).toBe(digest);
    const origin: Origin = {
      path: "s.zarr",
      rows: 4,
      dataSha256: "d",
      weightsHash: "w",
      directions: [
        { kind: "direction", name: "m", digest: "x" },
        { kind: "scorer", name: "length", digest: "y" },
      ],
    };
    const recipe = recipeOf(origin, WISH, ["a", "ü", "d"], { columns: ["score"], order: "rank" });
    expect(recipe).toMatchObject({
      format: "nait-recipe-1",
      directions: [
        { name: "m", digest: "x", path: null },
        { name: "length", digest: "y", path: null, kind: "scorer" },
      ],
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
