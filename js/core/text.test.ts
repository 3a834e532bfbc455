import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { display, oneLine, wholeLines } from "./text";

const anything = fc.string({ unit: fc.integer({ min: 0, max: 0xffff }).map((unit) => String.fromCharCode(unit)) });

describe("display", () => {
  it.each([
    ["plain, with\nlines\tand tabs", "plain, with\nlines\tand tabs"],
    ["<img src=x onerror=alert(1)>", "<img src=x onerror=alert(1)>"],
    ["\u001b[31mred\u001b[0m", "⟨ESC⟩[31mred⟨ESC⟩[0m"],
    ["bell\u0007 nul\u0000 del\u007f", "bell⟨BEL⟩ nul⟨NUL⟩ del⟨DEL⟩"],
    ["\u009b31m \u0085", "⟨U+009B⟩31m ⟨U+0085⟩"],
    ["Windows\r\nline, old Mac\rline", "Windows\nline, old Mac⟨CR⟩line"],
    ["user\u202etxt.exe\u202c", "user⟨RLO⟩txt.exe⟨PDF⟩"],
    ["\ud83d alone \ude00", "\ufffd alone \ufffd"],
    ["family 👨‍👩‍👧, می‌خواهم", "family 👨‍👩‍👧, می‌خواهم"],
  ])("shows %j", (text, shown) => {
    expect(display(text, 1000)).toEqual({ text: shown, cut: 0 });
  });

  it("leaves nothing that acts, and loses no count, at any limit", () => {
    fc.assert(
      fc.property(anything, fc.integer({ min: 1, max: 20 }), (text, limit) => {
        const { text: shown, cut } = display(text, limit);
        expect(shown).not.toMatch(/(?![\n\t])[\p{Cc}\p{Cs}\p{Bidi_Control}]/u);
        const kept = text.length - cut;
        expect(kept).toBeLessThanOrEqual(limit);
        expect(kept).toBeGreaterThanOrEqual(Math.min(text.length, limit) - 1);
        expect(display(text.slice(0, kept), Infinity).text).toBe(shown);
      }),
    );
  });

  it("cuts before a pair, never inside it", () => {
    expect(display("ab😀cd", 3)).toEqual({ text: "ab", cut: 4 });
    expect(display("ab😀cd", 4)).toEqual({ text: "ab😀", cut: 2 });
    expect(display("ab\ud83dcd", 3)).toEqual({ text: "ab\ufffd", cut: 2 });
  });
});

describe("oneLine", () => {
  it.each([
    ["  def f(x):\n\n\treturn x  ", 100, "def f(x): return x"],
    ["\n".repeat(30) + "late", 10, "late"],
    ["\n".repeat(5000), 10, "…"],
    ["abcdef", 6, "abcdef"],
    ["abcdefg", 6, "abcdef…"],
    ["a\u0000b\u202ec", 100, "a⟨NUL⟩b⟨RLO⟩c"],
  ])("shows %j in %i", (text, limit, shown) => {
    expect(oneLine(text, limit)).toBe(shown);
  });

  it("is one line of bounded length, whatever the text", () => {
    fc.assert(
      fc.property(anything, fc.integer({ min: 1, max: 20 }), (text, limit) => {
        const shown = oneLine(text, limit);
        expect(shown).not.toMatch(/[\n\r\t\u2028\u2029]/);
        expect(shown.length).toBeLessThanOrEqual("⟨U+0085⟩".length * limit + 1);
      }),
    );
  });
});

describe("wholeLines", () => {
  it.each([
    ["abc", 5, 5],
    ["ab\ncd\nef", 7, 6],
    ["ab\ncd\nef", 6, 6],
    ["a\nbcdefghi", 6, 6],
    ["abcdefghij", 6, 6],
  ])("of %j within %i is %i", (text, limit, end) => {
    expect(wholeLines(text, limit)).toBe(end);
  });
});
