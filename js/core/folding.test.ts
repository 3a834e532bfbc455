import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { fold } from "./folding";

const golden = new URL("../../tests/golden/folding.json", import.meta.url);
const characters = JSON.parse(readFileSync(golden, "utf8")) as Record<string, string>;

describe("folding", () => {
  it("gives for every character what Python gives", () => {
    expect(Object.keys(characters).length).toBeGreaterThan(1400);
    expect(Object.fromEntries(Object.keys(characters).map((each) => [each, fold(each)]))).toEqual(characters);
  });

  it.each([
    ["Straße", "STRASSE"],
    ["STRAẞE", "strasse"],
    ["ΜΈΓΑΣ ΜΈΓΑΣ.", "μέγας μέγασ."],
    ["ﬁne oﬃce", "FINE OFFICE"],
    ["İstanbul", "i̇STANBUL"],
  ])("takes %s for %s", (text, other) => {
    expect(fold(text)).toBe(fold(other));
  });

  it("of a part is part of that of the whole, wherever a word ends", () => {
    expect(fold("ΜΈΓΑΣ ΝΑΌΣ")).toContain(fold("ΜΈΓΑΣ"));
    expect(fold("ΜΈΓΑΣΜΈΓΑΣ")).toContain(fold("ΜΈΓΑΣ"));
  });
});
