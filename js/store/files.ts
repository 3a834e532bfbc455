/** The files of a store, as bytes: in a folder that a server gives out. */

import { Http, tooLarge } from "./http";
import { Ranges } from "./ranges";
import { StoreTrouble } from "./trouble";

export type Bytes = Uint8Array<ArrayBuffer>;

/** Where the files of a store are read from; every path is relative to the store's root. */
export interface Files {
  /** A whole file, refused where it is longer than the limit. */
  whole(path: string, limit: number, signal?: AbortSignal): Promise<Bytes>;
  /** All of these bytes of a file. */
  range(path: string, offset: number, length: number, signal?: AbortSignal): Promise<Bytes>;
  /** The last bytes of a file, all of it where it is shorter. */
  tail(path: string, length: number, signal?: AbortSignal): Promise<Bytes>;
  /** Bytes received so far, and requests made. */
  readonly transferred: number;
  readonly requests: number;
}

const MOST_READ = 64 * 2 ** 20;

/** A folder. */
export class HttpFiles implements Files {
  readonly #http: Http;
  readonly #ranges: Ranges;

  /**
   * @param urlOf The address of a file by its path.
   * @param init What every request is made with.
   */
  constructor(
    private readonly urlOf: (path: string) => string,
    init?: RequestInit,
  ) {
    this.#http = new Http(init);
    this.#ranges = new Ranges((path, offset, length, signal) =>
      readAll(this.#http, this.urlOf(path), path, offset, length, signal),
    );
  }

  get transferred(): number {
    return this.#http.transferred;
  }

  get requests(): number {
    return this.#http.requests;
  }

  async whole(path: string, limit: number, signal?: AbortSignal): Promise<Bytes> {
    return (await this.#http.read(this.urlOf(path), path, { whole: bounded(path, limit) }, signal)).bytes;
  }

  async range(path: string, offset: number, length: number, signal?: AbortSignal): Promise<Bytes> {
    return this.#ranges.get(path, offset, bounded(path, length), signal);
  }

  async tail(path: string, length: number, signal?: AbortSignal): Promise<Bytes> {
    return (await this.#http.read(this.urlOf(path), path, { last: bounded(path, length) }, signal)).bytes;
  }
}

/** A length that one read may have. */
export function bounded(path: string, length: number): number {
  if (length > MOST_READ) throw tooLarge(`The part of ${path} that is needed`, length, MOST_READ);
  return length;
}

/** A range of a file that must be there. */
export async function readAll(
  http: Http,
  url: string,
  file: string,
  offset: number,
  length: number,
  signal?: AbortSignal,
): Promise<Bytes> {
  if (length === 0) return new Uint8Array();
  const { bytes } = await http.read(url, file, { offset, length }, signal);
  if (bytes.length === length) return bytes;
  throw new StoreTrouble(
    "damaged",
    `${file} ends ${length - bytes.length} bytes before what is to be read of it: it was cut off.`,
  );
}
