import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Ranges } from "./ranges";

const KIB = 1024;

/** Ranges over files whose bytes tell where they lie, and what was read of them. */
function over(): { ranges: Ranges; reads: string[] } {
  const reads: string[] = [];
  const ranges = new Ranges(async (file, offset, length, signal) => {
    reads.push(`${file} ${offset}+${length}`);
    await new Promise((resolve) => setTimeout(resolve));
    signal.throwIfAborted();
    return Uint8Array.from({ length }, (_, i) => (offset + i) % 251);
  });
  return { ranges, reads };
}

describe("ranges", () => {
  it("that lie close are read together, each file for itself", async () => {
    const { ranges, reads } = over();
    const all = await Promise.all([
      ranges.get("a", 100 * KIB, 5),
      ranges.get("a", 0, 10),
      ranges.get("b", 20, 10),
      ranges.get("a", 30 * KIB, 10),
      ranges.get("a", 5, 20),
    ]);
    expect(reads).toEqual([`a 0+${30 * KIB + 10}`, `a ${100 * KIB}+5`, "b 20+10"]);
    expect([...all[0]]).toEqual(Array.from({ length: 5 }, (_, i) => (100 * KIB + i) % 251));
    expect([...all[4]]).toEqual(Array.from({ length: 20 }, (_, i) => 5 + i));
  });

  it("are never joined to more than 8 MiB", async () => {
    const { ranges, reads } = over();
    await Promise.all(Array.from({ length: 20 }, (_, i) => ranges.get("a", i * 1000 * KIB, 1000 * KIB)));
    expect(reads).toEqual([0, 8, 16].map((i) => `a ${i * 1000 * KIB}+${(i < 16 ? 8 : 4) * 1000 * KIB}`));
  });

  it("are read for those who still want them", async () => {
    const { ranges, reads } = over();
    const [early, late] = [new AbortController(), new AbortController()];
    early.abort();
    const asked = [ranges.get("a", 0, 5, early.signal), ranges.get("a", 0, 5, late.signal), ranges.get("a", 5, 5)];
    const ended = Promise.allSettled(asked);
    await Promise.resolve();
    late.abort();
    expect((await ended).map(({ status }) => status)).toEqual(["rejected", "rejected", "fulfilled"]);
    expect(reads).toEqual(["a 0+10"]);
  });

  it("give everyone the bytes that they asked for", async () => {
    const range = fc.tuple(fc.nat(200 * KIB), fc.nat(40 * KIB));
    await fc.assert(
      fc.asyncProperty(fc.array(range, { maxLength: 8 }), async (asked) => {
        const { ranges } = over();
        const found = await Promise.all(asked.map(([offset, length]) => ranges.get("a", offset, length)));
        found.forEach((bytes, i) => {
          const [offset, length] = asked[i]!;
          expect(bytes.length).toBe(length);
          expect(bytes.every((byte, k) => byte === (offset + k) % 251)).toBe(true);
        });
      }),
      { numRuns: 30 },
    );
  });
});
