/** Questions to the kernel and its answers, over the widget's comm. */

import type { AnyModel } from "@anywidget/types";

/** Arrays by name, as typed arrays over memory of their own. */
export type Arrays = Record<string, TypedArray>;
export type TypedArray = Float64Array | Float32Array | Int32Array | Uint32Array | Uint16Array | Uint8Array;

/** What the kernel answers: values as JSON, and arrays. */
export interface Answer<T> {
  body: T;
  arrays: Arrays;
}

/** Options of a question. */
export interface Asking {
  /**
   * Seconds of silence after which the question fails; progress starts them anew. Null for one that a widget can't do
   * without: it waits as long as a cell may run, and after a while the page is told so.
   */
  timeout?: number | null;
  progress?: (done: number, total: number) => void;
  signal?: AbortSignal;
}

/** A failure in the kernel: one sentence, and the trace for those who want it. */
export class KernelError extends Error {
  constructor(
    sentence: string,
    readonly trace: string | null = null,
  ) {
    super(sentence);
    this.name = "KernelError";
  }
}

interface ArrayHeader {
  name: string;
  dtype: keyof typeof CONSTRUCTORS;
}

interface Message {
  id?: string;
  answer?: unknown;
  error?: { sentence: string; trace: string };
  progress?: { done: number; total: number };
  tell?: string;
  body?: unknown;
  arrays?: ArrayHeader[];
}

interface Pending {
  resolve(answer: Answer<unknown>): void;
  reject(error: Error): void;
  heard(message: Message): void;
}

const CONSTRUCTORS = {
  float64: Float64Array,
  float32: Float32Array,
  int32: Int32Array,
  uint32: Uint32Array,
  uint16: Uint16Array,
  uint8: Uint8Array,
} as const;

const SILENCE = 30;

/** The kernel's side of one widget model. */
export class Kernel {
  #pending = new Map<string, Pending>();
  /** The questions without a limit that have waited long by now. */
  #overdue = new Set<string>();
  #listeners = new Map<string, Set<(answer: Answer<unknown>) => void>>();
  #lastId = 0;
  /** Every view of a widget hears all answers, and is to know its own. */
  readonly #name = Math.random().toString(36).slice(2);
  #receive = (message: Message, buffers: DataView[]): void => this.#received(message, buffers);

  /**
   * @param busy Called with a sentence once a question without a limit has waited long, with null once none does.
   */
  constructor(
    private readonly model: AnyModel,
    signal: AbortSignal,
    private readonly busy: (sentence: string | null) => void,
  ) {
    model.on("msg:custom", this.#receive);
    signal.addEventListener("abort", () => {
      model.off("msg:custom", this.#receive);
      for (const pending of this.#pending.values()) pending.reject(new KernelError("The widget was closed."));
    });
  }

  /** Ask, and wait for the answer. */
  ask<T>(question: string, body: unknown = {}, asking: Asking = {}): Promise<Answer<T>> {
    this.#lastId += 1;
    const id = `${this.#name}-${this.#lastId}`;
    const { timeout = SILENCE } = asking;
    return new Promise<Answer<T>>((resolve, reject) => {
      let timer = 0;
      const settle = (finish: () => void): void => {
        clearTimeout(timer);
        this.#pending.delete(id);
        this.#waits(id, false);
        finish();
      };
      const silence = (): void => {
        if (timeout === null) this.#waits(id, true);
        else settle(() => reject(new KernelError(`${silent(timeout)} Wait for it, or run the cell again.`)));
      };
      const wait = (): void => {
        clearTimeout(timer);
        this.#waits(id, false);
        timer = window.setTimeout(silence, (timeout ?? SILENCE) * 1000);
      };
      this.#pending.set(id, {
        resolve: (answer) => settle(() => resolve(answer as Answer<T>)),
        reject: (error) => settle(() => reject(error)),
        heard: ({ progress }) => {
          wait();
          if (progress !== undefined) asking.progress?.(progress.done, progress.total);
        },
      });
      asking.signal?.addEventListener("abort", () => settle(() => reject(new DOMException("aborted", "AbortError"))));
      wait();
      this.model.send({ id, ask: question, body });
    });
  }

  /** Listen to what the kernel tells unasked. */
  on<T>(name: string, signal: AbortSignal, listener: (answer: Answer<T>) => void): void {
    const listeners = this.#listeners.get(name) ?? new Set();
    listeners.add(listener as (answer: Answer<unknown>) => void);
    this.#listeners.set(name, listeners);
    signal.addEventListener("abort", () => listeners.delete(listener as (answer: Answer<unknown>) => void));
  }

  #waits(id: string, long: boolean): void {
    const before = this.#overdue.size;
    if (long) this.#overdue.add(id);
    else this.#overdue.delete(id);
    const { size } = this.#overdue;
    if (size > 0 !== before > 0) this.busy(size > 0 ? `${silent(SILENCE)} This goes on once it answers.` : null);
  }

  #received(message: Message, buffers: DataView[]): void {
    if (message.tell !== undefined) {
      const answer = { body: message.body, arrays: unpack(message.arrays ?? [], buffers) };
      for (const listener of this.#listeners.get(message.tell) ?? []) listener(answer);
      return;
    }
    const pending = this.#pending.get(message.id ?? "");
    if (pending === undefined) return; // another view's, or one that was given up
    if (message.error !== undefined) pending.reject(new KernelError(message.error.sentence, message.error.trace));
    else if (message.progress !== undefined) pending.heard(message);
    else pending.resolve({ body: message.answer, arrays: unpack(message.arrays ?? [], buffers) });
  }
}

/** Typed arrays of a message's buffers. They are copied: a buffer may lie anywhere in a larger one. */
export function unpack(headers: ArrayHeader[], buffers: DataView[]): Arrays {
  const arrays: Arrays = {};
  headers.forEach(({ name, dtype }, i) => {
    const view = buffers[i];
    if (view === undefined) throw new KernelError(`The kernel's answer lacks its array ${name}.`);
    const bytes = new Uint8Array(view.buffer, view.byteOffset, view.byteLength).slice().buffer as ArrayBuffer;
    arrays[name] = new CONSTRUCTORS[dtype](bytes);
  });
  return arrays;
}

function silent(seconds: number): string {
  return `The kernel has not answered for ${seconds} s: it is busy, or gone.`;
}
