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
  /** Seconds of silence after which the question fails; progress starts them anew. */
  timeout?: number;
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
  id?: number;
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
  #pending = new Map<number, Pending>();
  #listeners = new Map<string, Set<(answer: Answer<unknown>) => void>>();
  #lastId = 0;
  #receive = (message: Message, buffers: DataView[]): void => this.#received(message, buffers);

  constructor(
    private readonly model: AnyModel,
    signal: AbortSignal,
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
    const id = this.#lastId;
    const seconds = asking.timeout ?? SILENCE;
    return new Promise<Answer<T>>((resolve, reject) => {
      let timer = 0;
      const settle = (finish: () => void): void => {
        clearTimeout(timer);
        this.#pending.delete(id);
        finish();
      };
      const wait = (): void => {
        clearTimeout(timer);
        timer = window.setTimeout(() => settle(() => reject(new KernelError(silent(seconds)))), seconds * 1000);
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

  #received(message: Message, buffers: DataView[]): void {
    if (message.tell !== undefined) {
      const answer = { body: message.body, arrays: unpack(message.arrays ?? [], buffers) };
      for (const listener of this.#listeners.get(message.tell) ?? []) listener(answer);
      return;
    }
    const pending = this.#pending.get(message.id ?? -1);
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
  return `The kernel has not answered for ${seconds} s: it is busy, or gone. Wait for it, or run the cell again.`;
}
