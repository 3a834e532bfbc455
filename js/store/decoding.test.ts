import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { withoutChecksum, zstdSize } from "./codecs";
import { fromFloat16 } from "./float16";
import { Strings } from "./strings";

it("half floats are the numbers that they stand for, all 65,536 of them", () => {
  const values = fromFloat16(new Uint8Array(Uint16Array.from({ length: 2 ** 16 }, (_, bits) => bits).buffer));
  expect(values[0x0000]).toBe(0);
  expect(Object.is(values[0x8000], -0)).toBe(true);
  expect(values[0x0001]).toBe(2 ** -24);
  expect(values[0x03ff]).toBe(1023 * 2 ** -24);
  expect(values[0x0400]).toBe(2 ** -14);
  expect(values[0x3555]).toBe(0.333251953125);
  expect(values[0x3c00]).toBe(1);
  expect(values[0x7bff]).toBe(65504);
  expect(values[0x7c00]).toBe(Infinity);
  expect(values[0xfc00]).toBe(-Infinity);
  expect(values[0x7e00]).toBeNaN();
  const finite = [...values.subarray(0, 0x7c01)];
  expect(finite.every((value, i) => i === 0 || value > finite[i - 1]!)).toBe(true);
  expect(finite.every((value, i) => values[i | 0x8000] === -value)).toBe(true);
});

it("a checksum is that of RFC 3720, and told from one that isn't", () => {
  const digits = Buffer.from("123456789");
  expect(Buffer.from(withoutChecksum(Buffer.from(`${digits.toString("hex")}839206e3`, "hex")))).toEqual(digits);
  for (const wrong of [`${digits.toString("hex")}839206e2`, "839206e3", "0102", ""]) {
    expect(() => withoutChecksum(Buffer.from(wrong, "hex"))).toThrow("its checksum doesn't match");
  }
  expect(withoutChecksum(Buffer.alloc(4))).toHaveLength(0); // nothing sums to 0
});

describe("the size that a zstd frame declares", () => {
  it.each([
    ["28b52ffd2005", 5],
    ["28b52ffd60ff00", 255 + 256],
    ["28b52ffda000000100", 65536],
    ["28b52ffde00000000000010000", 2 ** 40],
    ["28b52ffd405800ff01", 0xff00 + 256], // a window's size stands before
    ["28b52ffd21aa05", 5], // a dictionary's
    ["28b52ffd0058", Infinity],
  ])("in %s is %d", (header, size) => {
    expect(zstdSize(Buffer.concat([Buffer.from(header, "hex"), Buffer.alloc(8)]))).toBe(size);
  });

  it("is none where there is no frame", () => {
    for (const bytes of ["", "28b52f", "28b52ffd", "502a4d18000000000000", "1f8b0800000000"]) {
      expect(() => zstdSize(Buffer.from(bytes, "hex"))).toThrow();
    }
  });
});

describe("texts", () => {
  const encoded = (texts: string[]): Uint8Array => {
    const pieces = texts.map((text) => Buffer.from(text));
    const number = (n: number): Buffer => Buffer.from(Uint32Array.of(n).buffer);
    return Buffer.concat([number(texts.length), ...pieces.flatMap((piece) => [number(piece.length), piece])]);
  };

  it("are what was written, and found by their bytes", () => {
    fc.assert(
      fc.property(fc.array(fc.string({ unit: "binary" })), (texts) => {
        const strings = new Strings(encoded(texts));
        expect(Array.from({ length: strings.length }, (_, i) => strings.at(i))).toEqual(texts);
        expect(texts.map((text) => strings.indexOf(Buffer.from(text)))).toEqual(
          texts.map((text) => texts.indexOf(text)),
        );
        expect(strings.indexOf(Buffer.from("nobody has this"))).toBe(-1);
      }),
    );
  });

  it("are refused where any of them is cut off", () => {
    const bytes = encoded(["one", "", "two 😀"]);
    for (let length = 0; length < bytes.length; length++) {
      expect(() => new Strings(bytes.subarray(0, length))).toThrow("its texts end early");
    }
  });
});
