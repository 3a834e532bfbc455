/** Undo and redo over values that never change in place. */

const MOST = 200;

export class History<T> {
  #past: T[] = [];
  #future: T[] = [];

  constructor(public present: T) {}

  get canUndo(): boolean {
    return this.#past.length > 0;
  }

  get canRedo(): boolean {
    return this.#future.length > 0;
  }

  /** Go on to a new value; what had been undone is forgotten. */
  push(value: T): void {
    this.#past.push(this.present);
    if (this.#past.length > MOST) this.#past.shift();
    this.#future = [];
    this.present = value;
  }

  undo(): T {
    const value = this.#past.pop();
    if (value !== undefined) {
      this.#future.push(this.present);
      this.present = value;
    }
    return this.present;
  }

  redo(): T {
    const value = this.#future.pop();
    if (value !== undefined) {
      this.#past.push(this.present);
      this.present = value;
    }
    return this.present;
  }
}
