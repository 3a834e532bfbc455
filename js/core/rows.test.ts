import fc from "fast-check";
import { expect, test } from "vitest";
import { both, has, list, pack, unlist, unpack, without } from "./rows";

const N = 45;
const rows = fc.uniqueArray(fc.integer({ min: 0, max: N - 1 })).map((list) => Int32Array.from(list).sort());

test("what is packed is unpacked", () => {
  fc.assert(
    fc.property(fc.array(rows, { minLength: 1, maxLength: 4 }), (sets) => {
      expect(unpack(pack(sets, N), sets.length, N)).toEqual(sets);
      expect(unlist(list(sets), sets.length)).toEqual(sets);
    }),
  );
});

test("lists are lengths, then rows, in 32 bits", () => {
  const words = [1, 0, 2, 9, 3, 700000];
  const sets = [Int32Array.of(9), Int32Array.of(), Int32Array.of(3, 700000)];
  expect(list(sets)).toEqual(new Uint8Array(Int32Array.from(words).buffer));
});

test("bits are the lowest first, as NumPy's little order", () => {
  expect(Array.from(pack([Int32Array.of(0, 9), Int32Array.of(2)], 10))).toEqual([1, 2, 4, 0]);
  expect(() => unpack(new Uint8Array(3), 2, 10)).toThrow("3 bytes are not 2 sets of 10 rows");
});

test("sets join and leave", () => {
  fc.assert(
    fc.property(rows, rows, (a, b) => {
      const [x, y] = [new Set(a), new Set(b)];
      for (let row = 0; row < N; row++) expect(has(a, row)).toBe(x.has(row));
      expect(new Set(both(a, b))).toEqual(new Set([...x, ...y]));
      expect(Array.from(without(a, b))).toEqual([...x].filter((row) => !y.has(row)));
    }),
  );
});
