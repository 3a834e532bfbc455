import type { AnyModel } from "@anywidget/types";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { Kernel } from "./kernel";

/** A widget's comm: what any of its views asks, and an answer that all of them hear. */
class Comm {
  asked: { id: string; ask: string }[] = [];
  #views: ((message: unknown, buffers: DataView[]) => void)[] = [];

  view(busy: (sentence: string | null) => void = () => undefined): Kernel {
    const model = {
      on: (_: string, receive: (message: unknown, buffers: DataView[]) => void) => this.#views.push(receive),
      off: () => undefined,
      send: (message: { id: string; ask: string }) => this.asked.push(message),
    };
    return new Kernel(model as unknown as AnyModel, new AbortController().signal, busy);
  }

  answer(question: number, answer: unknown): void {
    for (const receive of this.#views) receive({ id: this.asked[question]!.id, answer }, []);
  }
}

beforeEach(() => {
  vi.useFakeTimers();
  vi.stubGlobal("window", globalThis);
});

afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

test("two views of one widget get their own answers", async () => {
  const comm = new Comm();
  const [first, second] = [comm.view(), comm.view()];
  const answers = Promise.all([first.ask("sample", { row: 1 }), second.ask("sample", { row: 2 })]);
  comm.answer(1, "row 2");
  comm.answer(0, "row 1");
  expect((await answers).map(({ body }) => body)).toEqual(["row 1", "row 2"]);
});

test("a question is given up after some silence", async () => {
  const failed = expect(new Comm().view().ask("search")).rejects.toThrow("The kernel has not answered for 30 s");
  await vi.advanceTimersByTimeAsync(30_000);
  await failed;
});

test("a question without a limit waits through a long cell, and the page is told meanwhile", async () => {
  const told: (string | null)[] = [];
  const comm = new Comm();
  const kernel = comm.view((sentence) => told.push(sentence));
  const answers = Promise.all([
    kernel.ask("columns", {}, { timeout: null }),
    kernel.ask("labels", {}, { timeout: null }),
  ]);
  await vi.advanceTimersByTimeAsync(29_000);
  expect(told).toEqual([]);
  await vi.advanceTimersByTimeAsync(3_600_000);
  expect(told).toEqual(["The kernel has not answered for 30 s: it is busy, or gone. This goes on once it answers."]);
  comm.answer(0, "columns");
  expect(told).toHaveLength(1);
  comm.answer(1, "labels");
  expect(told[1]).toBeNull();
  expect((await answers).map(({ body }) => body)).toEqual(["columns", "labels"]);
});
