/** Keeps what was made last under each name, as long as it is asked for by the same key. */

export class Latest<T> {
  #kept = new Map<string, { key: string; made: T }>();

  get(name: string, key: string, make: () => T): T {
    let kept = this.#kept.get(name);
    if (kept?.key !== key) {
      kept = { key, made: make() };
      this.#kept.set(name, kept);
    }
    return kept.made;
  }

  clear(): void {
    this.#kept.clear();
  }
}
