import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { Lazily } from "./lazily";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

/** Questions that are answered by hand. */
function desk(atOnce?: number) {
  const open = new Map<string, { answer: (value: string) => void; fail: (why: Error) => void; signal: AbortSignal }>();
  const asked: string[] = [];
  const arrived: string[] = [];
  const lazily = new Lazily<string>(
    (key, signal) => {
      asked.push(key);
      return new Promise((answer, fail) => {
        open.set(key, { answer, fail, signal });
        signal.addEventListener("abort", () => fail(new Error("aborted")));
      });
    },
    (key) => arrived.push(key),
    atOnce,
  );
  const settle = async (key: string, value: string | Error): Promise<void> => {
    if (value instanceof Error) open.get(key)!.fail(value);
    else open.get(key)!.answer(value);
    await vi.advanceTimersByTimeAsync(0);
  };
  const want = async (...keys: string[]): Promise<void> => {
    lazily.want(keys);
    await vi.advanceTimersByTimeAsync(100);
  };
  return { lazily, asked, arrived, open, settle, want };
}

test("asks few questions at a time, in order, and keeps the answers", async () => {
  const { lazily, asked, arrived, settle, want } = desk();
  await want("a", "b", "c", "d", "e", "f");
  expect(asked).toEqual(["a", "b", "c", "d"]);
  await settle("b", "B");
  await settle("a", "A");
  expect(asked).toEqual(["a", "b", "c", "d", "e", "f"]);
  expect(arrived).toEqual(["b", "a"]);
  expect(lazily.get("a")).toEqual({ value: "A" });
  await want("a", "b");
  expect(asked.length).toBe(6);
});

test("what is no longer wanted is given up, and asked for anew when it is", async () => {
  const { lazily, asked, arrived, open, settle, want } = desk(1);
  await want("a", "b");
  await want("c");
  expect(open.get("a")!.signal.aborted).toBe(true);
  await settle("a", "late");
  expect(lazily.get("a")).toBeUndefined();
  expect(arrived).toEqual([]);
  expect(asked).toEqual(["a", "c"]);
  await settle("c", "C");
  await want("a");
  await settle("a", "A");
  expect(lazily.get("a")).toEqual({ value: "A" });
});

test("a failure is an answer, too", async () => {
  const { lazily, asked, settle, want } = desk();
  await want("a");
  await settle("a", new Error("gone"));
  expect(lazily.get("a")).toEqual({ failure: new Error("gone") });
  await want("a");
  expect(asked).toEqual(["a"]);
});

test("what may have changed is asked for again, and shown as it was meanwhile", async () => {
  const { lazily, asked, settle, want } = desk();
  await want("a");
  await settle("a", "old");
  lazily.again(["a", "b"]);
  await vi.advanceTimersByTimeAsync(100);
  expect(lazily.get("a")).toEqual({ value: "old" });
  expect(asked).toEqual(["a", "a"]);
  await settle("a", "new");
  expect(lazily.get("a")).toEqual({ value: "new" });
  lazily.keep(new Set());
  expect(lazily.get("a")).toBeUndefined();
});

test("while what is wanted changes nothing is asked, but not for long", async () => {
  const { lazily, asked } = desk();
  for (let i = 0; i < 20; i++) {
    lazily.want([`${i}`]);
    await vi.advanceTimersByTimeAsync(30);
  }
  expect(asked).toEqual(["13"]);
});

test("what was given up while it was asked for again is asked for once more", async () => {
  const { lazily, asked, settle, want } = desk();
  await want("a");
  await settle("a", "old");
  lazily.again(["a"]);
  await vi.advanceTimersByTimeAsync(100);
  await want();
  await want("a");
  expect(asked).toEqual(["a", "a", "a"]);
});
