import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { contrast } from "./ink";
import {
  colour,
  css,
  group,
  labelPalette,
  mix,
  NO_SCORE,
  quantise,
  scoreColour,
  scorePalette,
  selectionPalette,
  type Inks,
} from "./palette";

const light = inks(0xffffff, 0x212121, 0xb4b4b4, 0x0072b2, 0xd55e00);
const dark = inks(0x111111, 0xdddddd, 0x5c5c5c, 0x56b4e9, 0xf28e3c);

describe("colours", () => {
  it("are kept as ImageData keeps them", () => {
    expect(Array.from(new Uint8Array(Uint32Array.of(colour(1, 2, 3)).buffer))).toEqual([1, 2, 3, 255]);
    expect(css(colour(1, 2, 254))).toBe("rgb(1, 2, 254)");
    expect(mix(colour(0, 100, 255), colour(100, 0, 255), 0.5)).toBe(colour(50, 50, 255));
  });

  it.each(["cividis", "viridis", "greys"] as const)("of high scores stand out most (%s)", (scores) => {
    for (const theme of [light, dark]) {
      const [low, high] = [0, 1].map((share) =>
        contrast(css(scoreColour({ ...theme, scores }, share)), css(theme.background)),
      );
      expect(high).toBeGreaterThan(3 * low!);
    }
  });

  it.each([
    ["light", light],
    ["dark", dark],
  ])("of chosen rows stand out more than those of others (%s)", (_, theme) => {
    const against = (packed: number): number => contrast(css(packed), css(theme.background));
    for (const palette of [scorePalette(theme), labelPalette(theme)]) {
      for (let key = 0; key < 8; key++) {
        expect(against(palette[512 + key]!)).toBeGreaterThan(against(palette[256 + key]!));
      }
    }
    const selection = selectionPalette(theme);
    expect(selection[256 + 255]).toBe(theme.shown);
    expect(selection[512 + 255]).toBe(theme.chosen);
    expect(selection[255]).toBe(theme.greyed);
  });

  it.each([light, dark])("of high scores stand out from the background", (theme) => {
    const [low, high] = [scorePalette(theme)[512]!, scorePalette(theme)[512 + 254]!];
    expect(contrast(css(high), css(theme.background))).toBeGreaterThan(7);
    expect(contrast(css(low), css(theme.background))).toBeLessThan(contrast(css(high), css(theme.background)));
  });
});

describe("quantise", () => {
  it("keeps the order, and ends at the 1st and 99th percentile", () => {
    const values = Float64Array.from({ length: 1000 }, (_, i) => (i * 7919) % 1000);
    const { keys, low, high } = quantise(values);
    expect([low, high]).toEqual([10, 989]);
    for (let i = 0; i < 1000; i++) {
      const share = (Math.min(high, Math.max(low, values[i]!)) - low) / (high - low);
      expect(Math.abs(keys[i]! - 254 * share)).toBeLessThanOrEqual(0.5);
    }
  });

  it("knows rows without a score, and scores without an end", () => {
    const { keys } = quantise(Float64Array.of(NaN, 1, 2, -Infinity, Infinity));
    expect(Array.from(keys)).toEqual([NO_SCORE, 0, 254, 0, 254]);
  });

  it("takes equal scores, none at all, and no rows", () => {
    expect(quantise(Float64Array.of(3, 3))).toEqual({ keys: Uint8Array.of(0, 0), low: 3, high: 3 });
    expect(quantise(Float64Array.of(NaN)).keys).toEqual(Uint8Array.of(NO_SCORE));
    expect(quantise(new Float64Array(0)).keys).toHaveLength(0);
  });
});

describe("group", () => {
  it("leaves up to eight labels as they are", () => {
    const names = [..."abcdefgh"];
    const codes = Uint8Array.from(names, (_, i) => i);
    expect(group(codes, names)).toEqual({ keys: codes, names });
  });

  it("keeps the seven with the most rows, in their order, and calls the rest other", () => {
    const names = [..."abcdefghi"];
    const codes = Uint8Array.of(0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 8, 8);
    const { keys, names: kept } = group(codes, names);
    expect(kept).toEqual([..."bcdefg", "i", "other"]);
    expect(Array.from(keys)).toEqual([7, 0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 7, 6, 6]);
  });

  it("has a name for every key, and no more than eight", () => {
    const names = fc.array(fc.string(), { maxLength: 20 });
    const codes = fc.uint8Array({ max: 24 });
    fc.assert(
      fc.property(codes, names, (some, all) => {
        const { keys, names: kept } = group(some, all);
        expect(kept.length).toBeLessThanOrEqual(8);
        keys.forEach((key, row) => {
          const named = kept[key]!;
          expect(named === "other" || named === all[some[row]!]).toBe(true);
        });
      }),
    );
  });
});

function inks(...hex: [number, number, number, number, number]): Inks {
  const [background, text, greyed, shown, chosen] = hex.map((each) =>
    colour(each >> 16, (each >> 8) & 255, each & 255),
  );
  return { scores: "cividis", background: background!, text: text!, greyed: greyed!, shown: shown!, chosen: chosen! };
}
