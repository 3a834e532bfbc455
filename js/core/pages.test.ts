import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { Pages } from "./pages";

const range = (first: number, end: number): number[] => Array.from({ length: end - first }, (_, i) => first + i);

/** Pages whose questions are answered by hand. */
function byHand() {
  const asked: { rows: number[]; answer: (values: string[]) => void; fail: (error: Error) => void }[] = [];
  const closing = new AbortController();
  let arrivals = 0;
  const pages = new Pages<string>(
    (rows) => new Promise((answer, fail) => asked.push({ rows, answer, fail })),
    () => (arrivals += 1),
    closing.signal,
  );
  return { pages, asked, closing, arrivals: () => arrivals };
}

const settle = () => vi.advanceTimersByTimeAsync(60);

describe("Pages", () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  it("asks once for what is missing, once movement stops", async () => {
    const { pages, asked, arrivals } = byHand();
    pages.want([1, 2]);
    await vi.advanceTimersByTimeAsync(40);
    pages.want([3, 4]);
    await vi.advanceTimersByTimeAsync(40);
    expect(asked).toHaveLength(0);
    await settle();
    expect(asked.map(({ rows }) => rows)).toEqual([[3, 4]]);
    expect(pages.get(3)).toBeUndefined();
    asked[0]!.answer(["three", "four"]);
    await settle();
    expect(pages.get(4)).toEqual({ value: "four" });
    expect(arrivals()).toBe(1);
    pages.want([3, 4]);
    await settle();
    expect(asked).toHaveLength(1);
  });

  it("asks now and then during a movement that doesn't stop", async () => {
    const { pages, asked } = byHand();
    for (let i = 0; i < 20; i++) {
      pages.want([i]);
      await vi.advanceTimersByTimeAsync(16);
    }
    expect(asked).toHaveLength(1);
  });

  it("has one question open, and afterwards asks only for what is wanted by then", async () => {
    const { pages, asked } = byHand();
    pages.want([1]);
    await settle();
    for (const row of [2, 3, 4]) {
      pages.want([row]);
      await settle();
    }
    expect(asked).toHaveLength(1);
    asked[0]!.answer(["one"]);
    await settle();
    expect(asked.map(({ rows }) => rows)).toEqual([[1], [4]]);
    expect(pages.get(1)).toEqual({ value: "one" });
  });

  it("keeps a failure until a retry", async () => {
    const { pages, asked } = byHand();
    pages.want([1, 2]);
    await settle();
    asked[0]!.fail(new Error("The kernel is busy."));
    await settle();
    pages.want([1, 2]);
    await settle();
    expect(pages.get(1)).toEqual({ failure: "The kernel is busy." });
    expect(asked).toHaveLength(1);
    pages.retry();
    pages.want([1, 2]);
    await settle();
    asked[1]!.answer(["one"]);
    await settle();
    expect(pages.get(2)).toEqual({ failure: expect.stringContaining("2 rows were asked for and 1 came") });
  });

  it("forgets the rows used least recently", async () => {
    const { pages, asked } = byHand();
    for (const rows of [range(0, 4000), range(4000, 5000)]) {
      pages.want(rows);
      await settle();
      asked.at(-1)!.answer(rows.map(String));
      await settle();
      pages.get(0);
    }
    expect(pages.get(0)).toEqual({ value: "0" });
    expect(pages.get(1)).toBeUndefined();
    expect(pages.get(4999)).toEqual({ value: "4999" });
  });

  it("is silent once closed", async () => {
    const { pages, asked, closing, arrivals } = byHand();
    pages.want([1]);
    await settle();
    pages.want([2]);
    closing.abort();
    asked[0]!.answer(["one"]);
    await settle();
    expect(asked).toHaveLength(1);
    expect(arrivals()).toBe(0);
  });
});
