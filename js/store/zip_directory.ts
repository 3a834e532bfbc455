/**
 * The directory of a zip archive whose files are stored as they are.
 *
 * A reader of its own, for the general ones build some kilobyte an entry (1 GB for the million that is allowed here)
 * and check neither names nor overlaps.
 */

import { tooLarge } from "./http";
import { StoreTrouble } from "./trouble";

const MOST_ENTRIES = 1_000_000;
const MOST_BYTES = 64 * 2 ** 20;

const END = { signature: 0x06054b50, length: 22 };
const LOCATOR_64 = { signature: 0x07064b50, length: 20 };
const END_64 = { signature: 0x06064b50, length: 56 };
const ENTRY = { signature: 0x02014b50, length: 46 };
export const HEADER = { signature: 0x04034b50, length: 30 };

const EXTRA_64 = 0x1;
const ENCRYPTED = 0x1;
const DESCRIBED_LATER = 0x8; // sizes follow the bytes
const FULL_16 = 0xffff;
const FULL_32 = 0xffffffff;

/** A file of the archive. */
export interface Entry {
  readonly size: number;
  /** Where its own header lies, and how long that is at least. */
  readonly header: number;
  readonly headerLength: number;
  /** Where its bytes lie, once that is known. */
  at: number | null;
}

/** Where the directory lies. */
export interface Place {
  offset: number;
  size: number;
  entries: number;
}

/**
 * Find the directory.
 *
 * @param tail The end of the archive.
 * @param start Where in the archive the tail begins.
 */
export function findDirectory(tail: Uint8Array, start: number, archive: string): Place {
  const view = new DataView(tail.buffer, tail.byteOffset, tail.byteLength);
  let end = tail.length - END.length;
  const found = (): boolean =>
    view.getUint32(end, true) === END.signature && end + END.length + view.getUint16(end + 20, true) === tail.length;
  while (end >= 0 && !found()) end--;
  if (end < 0) throw damaged(archive, "it is no zip archive, or its end was cut off");
  const [size, offset] = [view.getUint32(end + 12, true), view.getUint32(end + 16, true)];
  let place = { entries: view.getUint16(end + 10, true), size, offset };
  if (place.entries === FULL_16 || place.size === FULL_32 || place.offset === FULL_32) {
    const locator = end - LOCATOR_64.length;
    const record = has(view, locator, LOCATOR_64) ? long(view, locator + 8) - start : -1;
    if (!has(view, record, END_64)) throw damaged(archive, "its directory isn't where its end says");
    place = { entries: long(view, record + 32), size: long(view, record + 40), offset: long(view, record + 48) };
    end = record;
  }
  if (place.entries > MOST_ENTRIES) {
    const counts = [place.entries, MOST_ENTRIES].map((n) => n.toLocaleString("en"));
    throw new StoreTrouble(
      "too-large",
      `${archive} says that it holds ${counts[0]} files; at most ${counts[1]} are read.`,
    );
  }
  if (place.size > MOST_BYTES) throw tooLarge(`The directory of ${archive}`, place.size, MOST_BYTES);
  if (place.offset + place.size > start + end) throw damaged(archive, "its directory reaches beyond its end");
  return place;
}

/** The files of the archive by their names, once none of them could do harm or be read wrongly. */
export function readDirectory(directory: Uint8Array, place: Place, archive: string): Map<string, Entry> {
  const entries = new Map<string, Entry>();
  const records = new Records(directory, archive);
  for (let i = 0; i < place.entries; i++) {
    const { name, entry } = records.next();
    if (entries.has(name)) throw new StoreTrouble("unsafe", `${archive} holds ${name} twice.`);
    entries.set(name, entry);
  }
  const inOrder = [...entries.values()].sort((a, b) => a.header - b.header);
  inOrder.forEach((entry, i) => settle(entry, inOrder[i + 1]?.header ?? place.offset, archive));
  return entries;
}

/** The records of a directory, one after the other. */
class Records {
  readonly #view: DataView;
  readonly #utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
  #at = 0;

  constructor(
    private readonly bytes: Uint8Array,
    private readonly archive: string,
  ) {
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  next(): { name: string; entry: Entry } {
    const { archive } = this;
    const at = this.#at;
    if (!has(this.#view, at, ENTRY)) throw damaged(archive, "its directory lists fewer files than it says");
    const [flags, method, nameLength, extraLength, comment] = [8, 10, 28, 30, 32].map((field) =>
      this.#view.getUint16(at + field, true),
    ) as [number, number, number, number, number];
    const [nameAt, extraAt] = [at + ENTRY.length, at + ENTRY.length + nameLength];
    this.#at = extraAt + extraLength + comment;
    if (this.#at > this.bytes.length) throw damaged(archive, "its directory was cut off");
    const name = this.#name(this.bytes.subarray(nameAt, extraAt));
    const { stored, size, header } = this.#numbers(at, extraAt, extraLength);
    if (flags & ENCRYPTED) throw new StoreTrouble("unsafe", `${archive} is encrypted (${name}).`);
    if (method !== 0) throw new StoreTrouble("compressed", `${archive} is packed with compression (${name}).`);
    if (stored !== size) throw damaged(archive, `the sizes of ${name} disagree`);
    const headerLength = HEADER.length + nameLength;
    // Taken to be as long in the file's own header as here; `settle` finds out whether that can be.
    const guessed = flags & DESCRIBED_LATER ? null : header + headerLength + extraLength;
    return { name, entry: { size, header, headerLength, at: guessed } };
  }

  #name(bytes: Uint8Array): string {
    let name: string;
    try {
      name = this.#utf8.decode(bytes);
    } catch (cause) {
      throw new StoreTrouble("damaged", `${this.archive} holds a file whose name can't be decoded.`, { cause });
    }
    if (isSafe(name)) return name;
    throw new StoreTrouble("unsafe", `${this.archive} holds a file outside of itself (${name.slice(0, 200)}).`);
  }

  /** Sizes and place; each is in the extra field of 64-bit numbers where 32 bits don't hold it. */
  #numbers(at: number, extraAt: number, extraLength: number): { stored: number; size: number; header: number } {
    const view = this.#view;
    const [stored, size, header] = [20, 24, 42].map((field) => view.getUint32(at + field, true));
    let [field, end] = [extraAt, extraAt + extraLength];
    while (field + 4 <= end && view.getUint16(field, true) !== EXTRA_64) field += 4 + view.getUint16(field + 2, true);
    end = Math.min(end, field + 4 <= end ? field + 4 + view.getUint16(field + 2, true) : 0);
    field += 4;
    const wide = (value: number): number => {
      if (value !== FULL_32) return value;
      if (field + 8 > end) throw damaged(this.archive, "the size of a file is missing");
      field += 8;
      return long(view, field - 8);
    };
    const full = wide(size!); // in the order of the extra field: size, stored, header
    return { size: full, stored: wide(stored!), header: wide(header!) };
  }
}

/**
 * Make sure that a file ends before the next thing begins, and find out where its bytes begin.
 *
 * Where header and bytes fill the place up to the next thing there is no doubt; else its own header must be read.
 */
function settle(entry: Entry, next: number, archive: string): void {
  if (entry.header + entry.headerLength + entry.size > next) {
    throw new StoreTrouble("unsafe", `Files of ${archive} overlap.`);
  }
  if (entry.at !== null && entry.at + entry.size !== next) entry.at = null;
}

/** Whether a name stays inside the archive, wherever and by whatever it were unpacked. */
function isSafe(name: string): boolean {
  const parts = name.replace(/\/$/, "").split("/");
  return !/[\\\0:]/.test(name) && parts.every((part) => part !== "" && part !== "." && part !== "..");
}

function has(view: DataView, at: number, record: { signature: number; length: number }): boolean {
  return at >= 0 && at + record.length <= view.byteLength && view.getUint32(at, true) === record.signature;
}

function long(view: DataView, at: number): number {
  return Number(view.getBigUint64(at, true));
}

function damaged(archive: string, what: string): StoreTrouble {
  return new StoreTrouble("damaged", `${archive} is damaged: ${what}.`);
}
