/** The files of a store that is packed into one archive, which is never downloaded whole. */

import { type Bytes, bounded, type Files, readAll } from "./files";
import { Http, tooLarge } from "./http";
import { ROOT } from "./metadata";
import { Ranges } from "./ranges";
import { StoreTrouble } from "./trouble";
import { type Entry, findDirectory, HEADER, readDirectory } from "./zip_directory";

const TAIL = 128 * 1024; // holds the directory of some 1,500 files, and any comment

export class ZipFiles implements Files {
  readonly #ranges: Ranges;

  private constructor(
    private readonly http: Http,
    private readonly name: string,
    private readonly entries: ReadonlyMap<string, Entry>,
    url: string,
  ) {
    this.#ranges = new Ranges((file, offset, length, signal) => readAll(http, url, file, offset, length, signal));
  }

  /**
   * Read the archive's directory.
   *
   * @param url Its address.
   * @param name What troubles call it.
   * @param init What every request is made with.
   */
  static async open(url: string, name: string, init?: RequestInit, signal?: AbortSignal): Promise<ZipFiles> {
    const http = new Http(init);
    const { bytes: tail, total } = await http.read(url, name, { last: TAIL }, signal);
    if (total === null) throw new StoreTrouble("no-ranges", `The server doesn't tell how long ${name} is.`);
    const start = total - tail.length;
    const place = findDirectory(tail, start, name);
    const directory =
      place.offset >= start
        ? tail.subarray(place.offset - start, place.offset - start + place.size)
        : await readAll(http, url, name, place.offset, place.size, signal);
    const entries = readDirectory(directory, place, name);
    const inside = entries.has(ROOT) ? undefined : [...entries.keys()].find((path) => /^[^/]+\/zarr\.json$/.test(path));
    if (inside !== undefined) {
      throw new StoreTrouble("foreign", `${name} was packed by another tool: the store lies in a folder of it.`, {
        mend: "Unpack it by `nait unpack` and pack it by `nait pack`.",
      });
    }
    return new ZipFiles(http, name, entries, url);
  }

  get transferred(): number {
    return this.http.transferred;
  }

  get requests(): number {
    return this.http.requests;
  }

  async whole(path: string, limit: number, signal?: AbortSignal): Promise<Bytes> {
    const { size } = this.#entry(path);
    if (size > limit) throw tooLarge(path, size, limit);
    return this.range(path, 0, size, signal);
  }

  async range(path: string, offset: number, length: number, signal?: AbortSignal): Promise<Bytes> {
    const entry = this.#entry(path);
    bounded(path, length);
    if (offset + length > entry.size) {
      throw new StoreTrouble(
        "damaged",
        `${path} in ${this.name} ends before what is to be read of it: it was cut off.`,
      );
    }
    const at = (entry.at ??= await this.#locate(path, entry, signal));
    return this.#ranges.get(this.name, at + offset, length, signal);
  }

  async tail(path: string, length: number, signal?: AbortSignal): Promise<Bytes> {
    const { size } = this.#entry(path);
    const all = Math.min(length, size);
    return this.range(path, size - all, all, signal);
  }

  #entry(path: string): Entry {
    const entry = this.entries.get(path);
    if (entry === undefined) throw new StoreTrouble("missing", `There is no ${path} in ${this.name}.`);
    return entry;
  }

  /** Where a file's bytes begin, by its own header. */
  async #locate(path: string, entry: Entry, signal: AbortSignal | undefined): Promise<number> {
    const bytes = await this.#ranges.get(this.name, entry.header, HEADER.length, signal);
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    if (view.getUint32(0, true) !== HEADER.signature) {
      throw new StoreTrouble("damaged", `${this.name} is damaged: ${path} isn't where its directory says.`);
    }
    return entry.header + HEADER.length + view.getUint16(26, true) + view.getUint16(28, true);
  }
}
