/** What was found so far, kept while it is looked for again, and kept right where JupyterLab changes it. */

import type { Contents } from "@jupyterlab/services";
import { type ISignal, Signal } from "@lumino/signaling";
import { kindOf, nameOf } from "../kinds";
import type { ISettings } from "../settings";
import { type Entry, find, type Found, type Looked } from "./finding";
import { sorted } from "./lines";

/** Milliseconds for changes to come together, before it is looked again. */
const SETTLE = 400;

/** Milliseconds after which what kernels have written meanwhile is worth another look. */
const OLD = 60_000;

export class Shelf {
  /** In the order of their paths. */
  things: readonly Found[] = [];
  /** What was looked into by the search that goes on, or the last one; null before the first. */
  looked: Looked | null = null;
  isLooking = false;

  readonly #changed = new Signal<this, void>(this);
  #found = new Map<string, Found>();
  #searching = new AbortController();
  #isWatched = false;
  /** When it was looked last, and for what. */
  #at = -Infinity;
  #search = "";
  #settling = 0;

  constructor(
    private readonly contents: Contents.IManager,
    private readonly settings: ISettings,
    signal: AbortSignal,
  ) {
    const changed = (_: unknown, change: Contents.IChangedArgs): void => this.#fileChanged(change);
    const set = (): void => {
      if (this.#search !== "" && this.#search !== this.#searched()) this.#lookSoon();
    };
    contents.fileChanged.connect(changed);
    settings.changed.connect(set);
    signal.addEventListener("abort", () => {
      contents.fileChanged.disconnect(changed);
      settings.changed.disconnect(set);
      clearTimeout(this.#settling);
      this.#searching.abort();
    });
  }

  get changed(): ISignal<this, void> {
    return this.#changed;
  }

  /** Whether somebody looks at it; else it is looked for nothing. */
  set isWatched(is: boolean) {
    this.#isWatched = is;
    if (is && Date.now() - this.#at > OLD) void this.look();
  }

  /** Look again for everything; what is known stays until it is known to be gone. */
  async look(): Promise<void> {
    clearTimeout(this.#settling);
    this.#searching.abort();
    const { signal } = (this.#searching = new AbortController());
    this.#at = Date.now();
    this.isLooking = true;
    await this.settings.ready;
    if (signal.aborted) return;
    this.#search = this.#searched();
    const found = new Map<string, Found>();
    const take = (things: readonly Found[], looked: Looked): void => {
      for (const thing of things) {
        found.set(thing.path, thing);
        this.#found.set(thing.path, thing);
      }
      this.looked = { ...looked };
      this.#tell(things.length > 0);
    };
    const looked = await find((path) => this.#list(path), this.settings.current, take, signal);
    if (signal.aborted) return;
    [this.#found, this.looked, this.isLooking] = [found, looked, false];
    this.#tell(true);
  }

  /** One thing by its path. */
  get(path: string): Found | undefined {
    return this.#found.get(path);
  }

  #tell(isSorted: boolean): void {
    if (isSorted) this.things = sorted(this.#found.values());
    this.#changed.emit();
  }

  async #list(path: string): Promise<readonly Entry[]> {
    const folder = await this.contents.get(path, { type: "directory", content: true });
    return folder.content as Entry[];
  }

  #searched(): string {
    const { folders, depth, mostFolders, mostEntries, mostResults } = this.settings.current;
    return JSON.stringify([folders, depth, mostFolders, mostEntries, mostResults]);
  }

  #lookSoon(): void {
    this.#at = -Infinity;
    clearTimeout(this.#settling);
    this.#settling = window.setTimeout(() => {
      if (this.#isWatched) void this.look();
    }, SETTLE);
  }

  /** A change by this JupyterLab; what others change is seen when it is looked again. */
  #fileChanged({ oldValue, newValue }: Contents.IChangedArgs): void {
    const [before, after] = [oldValue?.path, newValue?.path];
    if (before != null) this.#remove(this.contents.localPath(before));
    const isOurs = after != null && kindOf(nameOf(after), false) !== null;
    if (isOurs || newValue?.type === "directory") this.#lookSoon();
  }

  #remove(path: string): void {
    const gone = [...this.#found.keys()].filter((key) => key === path || key.startsWith(`${path}/`));
    for (const key of gone) this.#found.delete(key);
    if (gone.length > 0) this.#tell(true);
  }
}
