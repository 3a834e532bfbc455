/** JSON from a stranger: every value that is used is taken by a method that checks what it is. */

import { StoreTrouble } from "./trouble";

const MOST_OBJECTS = 10_000; // in a list

/** An object of JSON. */
export class Fields {
  readonly #values: Record<string, unknown>;

  /**
   * @param value What should be an object.
   * @param place Where it stands, for troubles: a file, and the names that lead there.
   * @throws StoreTrouble It is no object.
   */
  constructor(
    value: unknown,
    readonly place: string,
  ) {
    if (typeof value !== "object" || value === null || Array.isArray(value)) throw wrong(place, value, "an object");
    this.#values = value as Record<string, unknown>;
  }

  get names(): string[] {
    return Object.keys(this.#values);
  }

  /** Own values alone: what every object inherits, such as `constructor`, is none of the file's. */
  any(name: string): unknown {
    return Object.hasOwn(this.#values, name) ? this.#values[name] : undefined;
  }

  has(name: string): boolean {
    return this.any(name) !== undefined && this.any(name) !== null;
  }

  fields(name: string): Fields {
    return new Fields(this.any(name), this.#place(name));
  }

  text(name: string): string {
    const value = this.any(name);
    if (typeof value !== "string") throw this.wrong(name, "text");
    return value;
  }

  flag(name: string): boolean {
    const value = this.any(name);
    if (typeof value !== "boolean") throw this.wrong(name, "true or false");
    return value;
  }

  number(name: string): number {
    const value = this.any(name);
    if (typeof value !== "number") throw this.wrong(name, "a number");
    return value;
  }

  /** A whole number that isn't negative. */
  count(name: string): number {
    const value = this.any(name);
    if (!isCount(value)) throw this.wrong(name, "a whole number");
    return value;
  }

  counts(name: string): number[] {
    return this.#list(name, isCount, "whole numbers");
  }

  texts(name: string): string[] {
    return this.#list(name, (value) => typeof value === "string", "texts");
  }

  objects(name: string): Fields[] {
    const values = this.any(name);
    if (Array.isArray(values) && values.length > MOST_OBJECTS)
      throw this.wrong(name, `at most ${MOST_OBJECTS} objects`);
    return this.#list(name, isAnything, "objects").map((value, i) => new Fields(value, `${this.#place(name)}[${i}]`));
  }

  /** One of a few texts. */
  oneOf<T extends string>(name: string, choices: readonly T[]): T {
    const value = this.any(name);
    if (!choices.includes(value as T)) throw this.wrong(name, choices.join(" or "));
    return value as T;
  }

  /** What to throw where a value isn't what it must be. */
  wrong(name: string, expected: string): StoreTrouble {
    return wrong(this.#place(name), this.any(name), expected);
  }

  #list<T>(name: string, is: (value: unknown) => value is T, what: string): T[] {
    const value = this.any(name);
    if (!Array.isArray(value) || !value.every(is)) throw this.wrong(name, `a list of ${what}`);
    return value;
  }

  #place(name: string): string {
    return `${this.place}: ${name}`;
  }
}

function isAnything(_: unknown): _ is unknown {
  return true;
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function wrong(place: string, value: unknown, expected: string): StoreTrouble {
  const is = value === undefined ? "missing" : (JSON.stringify(value) ?? typeof value).slice(0, 80);
  return new StoreTrouble("damaged", `${place} is ${is}, but must be ${expected}.`);
}
