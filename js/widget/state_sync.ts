/** A state in the widget's traits: small JSON, and the sets of rows as bytes. */

import type { AnyModel } from "@anywidget/types";
import type { State } from "../core/curation";
import { list, NO_ROWS, pack, type Rows, unlist, unpack } from "../core/rows";
import { asJson, asked } from "../core/wish";
import type { Heard, Memory } from "../curator/memory";

type Json = Record<string, unknown> & { filters?: Record<string, unknown> };

const REST = 120; // milliseconds without a change after which the kernel is told

/** How sets of rows become bytes. */
export interface SetBytes {
  pack(sets: Rows[]): Uint8Array;
  unpack(bytes: Uint8Array, count: number): Rows[];
}

/** A bit for each of n rows. */
export function asBits(n: number): SetBytes {
  return { pack: (sets) => pack(sets, n), unpack: (bytes, count) => unpack(bytes, count, n) };
}

/** The rows themselves, where there are too many for bits. */
export const asLists: SetBytes = { pack: list, unpack: unlist };

export class StateSync implements Memory {
  #timer = 0;
  #waiting: State | null = null;
  #written = "";

  /**
   * @param sets How sets of rows travel.
   * @param heard Called when the kernel has set another state or current sample.
   */
  constructor(
    private readonly model: AnyModel,
    private readonly sets: SetBytes,
    signal: AbortSignal,
    heard: Heard,
  ) {
    let queued = false;
    const hear = (): void => {
      if (queued) return;
      queued = true;
      // Both traits may come with one message: look once both are in.
      queueMicrotask(() => {
        queued = false;
        if (this.#fingerprint() === this.#written) return;
        this.#written = this.#fingerprint();
        clearTimeout(this.#timer);
        this.#waiting = null;
        heard.state(this.read(), "Set from Python");
      });
    };
    this.#written = this.#fingerprint();
    for (const trait of ["change:asked", "change:row_sets"]) {
      model.on(trait, hear);
      signal.addEventListener("abort", () => model.off(trait, hear));
    }
    const look = (): void => {
      const id = this.model.get("current") as string | null;
      if (id !== null) heard.current(id);
    };
    model.on("change:current", look);
    signal.addEventListener("abort", () => {
      model.off("change:current", look);
      this.flush();
    });
    queueMicrotask(look); // one may be set already
  }

  read(): State {
    const json = this.model.get("asked") as Json;
    const [lasso, pinned, excluded] = this.sets.unpack(this.#bytes(), 3);
    return {
      asked: asked(json),
      lasso: json.filters?.lasso === true ? lasso! : null,
      pinned: pinned ?? NO_ROWS,
      excluded: excluded ?? NO_ROWS,
    };
  }

  /** Tell the kernel at once. */
  write(state: State): void {
    clearTimeout(this.#timer);
    this.#waiting = null;
    const json: Json = asJson(state.asked);
    if (state.lasso !== null) json.filters = { ...json.filters, lasso: true };
    const sets = this.sets.pack([state.lasso ?? NO_ROWS, state.pinned, state.excluded]);
    this.model.set("asked", json);
    this.model.set("row_sets", new DataView(sets.buffer));
    this.model.set("step", (this.model.get("step") as number) + 1);
    this.#written = this.#fingerprint();
    this.model.save_changes();
  }

  /** Tell the kernel once nothing has changed for a moment. */
  writeSoon(state: State): void {
    this.#waiting = state;
    clearTimeout(this.#timer);
    this.#timer = window.setTimeout(() => this.flush(), REST);
  }

  /** Tell the kernel what it hasn't been told yet. */
  flush(): void {
    if (this.#waiting !== null) this.write(this.#waiting);
  }

  writeCurrent(id: string): void {
    this.model.set("current", id);
    this.model.save_changes();
  }

  #bytes(): Uint8Array {
    const view = this.model.get("row_sets") as DataView | null;
    return view === null ? new Uint8Array() : new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
  }

  #fingerprint(): string {
    let hash = 0x811c9dc5; // FNV-1a
    for (const byte of this.#bytes()) hash = Math.imul(hash ^ byte, 0x01000193);
    return `${JSON.stringify(this.model.get("asked"))} ${hash}`;
  }
}
