/** Keeps a curation in JupyterLab's workspace, so that a reload finds it again. */

import type { IStateDB } from "@jupyterlab/statedb";
import type { JSONObject, ReadonlyPartialJSONValue } from "@lumino/coreutils";
import type { State } from "../../core/curation";
import { NO_ROWS, pack, unpack } from "../../core/rows";
import { asJson, asked } from "../../core/wish";
import type { Heard, Memory } from "../../curator/memory";

const REST = 300; // milliseconds without a change after which the workspace is told

/** What is kept: sets of rows as bits, which mean the same rows as long as the data are the same. */
interface Kept {
  data: string;
  asked: JSONObject;
  /** Base64 of the bits of lasso, pinned and excluded. */
  rows: string;
  lasso: boolean;
  current: string | null;
}

export class Workspace implements Memory {
  /** Whom to tell of states that are set elsewhere. */
  heard: Heard = { state: () => undefined, current: () => undefined };
  /** Called when another sample is looked at. */
  looked: () => void = () => undefined;
  #timer = 0;
  #waiting: State | null = null;
  #state: State;
  #current: string | null;

  /**
   * @param key Of the curation in the workspace.
   * @param data Hash of the data; what was kept of others is not restored.
   * @param n Rows of the store.
   */
  private constructor(
    private readonly db: IStateDB | null,
    private readonly key: string,
    private readonly data: string,
    private readonly n: number,
    kept: Kept | null,
    start: State,
    signal: AbortSignal,
  ) {
    this.#state = kept === null ? start : restored(kept, n);
    this.#current = kept?.current ?? null;
    signal.addEventListener("abort", () => this.flush());
  }

  static async open(
    db: IStateDB | null,
    key: string,
    data: string,
    n: number,
    start: State,
    signal: AbortSignal,
  ): Promise<Workspace> {
    const kept = (await db?.fetch(key)) as Partial<Kept> | undefined;
    return new Workspace(db, key, data, n, isKept(kept, data, n) ? kept : null, start, signal);
  }

  get current(): string | null {
    return this.#current;
  }

  read(): State {
    return this.#waiting ?? this.#state;
  }

  write(state: State): void {
    this.#state = state;
    this.#waiting = null;
    clearTimeout(this.#timer);
    this.#timer = window.setTimeout(() => this.#save(), REST);
  }

  writeSoon(state: State): void {
    this.#waiting = state;
    clearTimeout(this.#timer);
    this.#timer = window.setTimeout(() => this.flush(), REST);
  }

  flush(): void {
    clearTimeout(this.#timer);
    if (this.#waiting !== null) this.#state = this.#waiting;
    this.#waiting = null;
    this.#save();
  }

  writeCurrent(id: string): void {
    this.#current = id;
    this.looked();
    clearTimeout(this.#timer);
    this.#timer = window.setTimeout(() => this.flush(), REST);
  }

  #save(): void {
    const { asked: wish, lasso, pinned, excluded } = this.#state;
    const kept: Kept = {
      data: this.data,
      asked: asJson(wish) as JSONObject,
      rows: toBase64(pack([lasso ?? NO_ROWS, pinned, excluded], this.n)),
      lasso: lasso !== null,
      current: this.#current,
    };
    void this.db?.save(this.key, kept as unknown as ReadonlyPartialJSONValue);
  }
}

function restored(kept: Kept, n: number): State {
  const [lasso, pinned, excluded] = unpack(fromBase64(kept.rows), 3, n);
  return { asked: asked(kept.asked), lasso: kept.lasso ? lasso! : null, pinned: pinned!, excluded: excluded! };
}

function isKept(kept: Partial<Kept> | undefined, data: string, n: number): kept is Kept {
  if (kept?.data !== data || typeof kept.rows !== "string" || typeof kept.asked !== "object") return false;
  try {
    restored(kept as Kept, n);
    return true;
  } catch {
    return false; // of another version of this extension: begin anew
  }
}

function toBase64(bytes: Uint8Array): string {
  let text = "";
  for (let i = 0; i < bytes.length; i += 0x8000) text += String.fromCharCode(...bytes.subarray(i, i + 0x8000));
  return btoa(text);
}

function fromBase64(text: string): Uint8Array {
  return Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
}
