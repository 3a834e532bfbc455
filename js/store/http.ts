/** Reads parts of files by HTTP, never more than was asked for, whatever the server sends. */

import { Gate } from "./sharing";
import { StoreTrouble, telling } from "./trouble";

const MOST_AT_ONCE = 6; // what a browser opens to one host

/** Which part of a file: all of it, if it isn't longer than `whole`; some bytes; or the last ones. */
export type Span = { whole: number } | { offset: number; length: number } | { last: number };

/** Bytes, fewer than asked for where the file is shorter, and how long the file is, where the server says so. */
export interface Part {
  bytes: Uint8Array<ArrayBuffer>;
  total: number | null;
}

export class Http {
  /** Bytes received, and requests made. */
  transferred = 0;
  requests = 0;
  readonly #gate = new Gate(MOST_AT_ONCE);

  /**
   * @param init What every request is made with: headers, credentials. Unless it says otherwise the browser's cache is
   *   left out, for it makes requests for one file wait for each other.
   */
  constructor(private readonly init: RequestInit = {}) {}

  /** Read a part; `file` is what troubles call the file. */
  read(url: string, file: string, span: Span, signal?: AbortSignal): Promise<Part> {
    return this.#gate.run(
      () => telling("offline", `${file} can't be read`, () => this.#read(url, file, span, signal)),
      signal,
    );
  }

  async #read(url: string, file: string, span: Span, signal: AbortSignal | undefined): Promise<Part> {
    const headers = new Headers(this.init.headers);
    headers.set("Range", rangeHeader(span));
    this.requests++;
    const response = await fetch(url, { cache: "no-store", ...this.init, headers, signal: signal ?? null });
    const reader = response.body?.getReader();
    try {
      const sent = describe(response, file);
      if (sent.total === 0) return { bytes: new Uint8Array(), total: 0 };
      refuse(sent, file, span);
      const bytes = reader === undefined ? new Uint8Array() : await this.#drain(reader, file, span);
      if (sent.length !== null && bytes.length !== sent.length) throw new Error("the connection broke off");
      return { bytes, total: response.status === 200 ? bytes.length : sent.total };
    } finally {
      await reader?.cancel(); // what has not been read needs not be sent
    }
  }

  /** The body, refused once it is longer than it may be. */
  async #drain(reader: Reader, file: string, span: Span): Promise<Uint8Array<ArrayBuffer>> {
    const pieces: Uint8Array[] = [];
    let length = 0;
    for (let { done, value } = await reader.read(); !done; { done, value } = await reader.read()) {
      pieces.push(value!);
      length += value!.length;
      this.transferred += value!.length;
      if (length > most(span)) throw "whole" in span ? tooLarge(file, null, span.whole) : noRanges(file);
    }
    const bytes = new Uint8Array(length);
    let at = 0;
    for (const piece of pieces) {
      bytes.set(piece, at);
      at += piece.length;
    }
    return bytes;
  }
}

type Reader = ReadableStreamDefaultReader<Uint8Array>;

/** What a response says of its body: where in the file it begins, how long it is, how long the file is. */
interface Sent {
  from: number | null;
  length: number | null;
  total: number | null;
}

/** Told by the headers alone, before a byte of the body is taken. */
function describe(response: Response, file: string): Sent {
  const { status, headers } = response;
  if (status === 401 || status === 403) throw new StoreTrouble("forbidden", `The server refuses to give ${file}.`);
  if (status === 404 || status === 410) throw new StoreTrouble("missing", `There is no ${file}.`);
  if (response.redirected && headers.get("Content-Type")?.startsWith("text/html")) {
    throw new StoreTrouble("forbidden", `The server sends a page to log in instead of ${file}.`);
  }
  const encoded = headers.has("Content-Encoding");
  if (status === 200) {
    const length = headers.get("Content-Length");
    const total = length === null || encoded ? null : Number(length);
    return { from: 0, length: total, total };
  }
  const range = headers.get("Content-Range") ?? "";
  if (status === 416) {
    const size = /^bytes \*\/(\d+)$/.exec(range)?.[1];
    if (Number(size) === 0) return { from: null, length: null, total: 0 };
    throw new StoreTrouble("damaged", `${file} ends before what is to be read of it (it has ${size ?? "few"} bytes).`);
  }
  if (status !== 206) throw new StoreTrouble("offline", `The server answers ${status} when asked for ${file}.`);
  const [, from, to, total] = /^bytes (\d+)-(\d+)\/(\d+|\*)$/.exec(range) ?? [];
  if (from === undefined) {
    if (range !== "" || headers.get("Content-Type")?.startsWith("multipart")) throw noRanges(file);
    return { from: null, length: null, total: null }; // another host may keep the header to itself
  }
  return {
    from: Number(from),
    length: encoded ? null : Number(to) - Number(from) + 1,
    total: total === "*" ? null : Number(total),
  };
}

/** Refuse what isn't the part that was asked for. */
function refuse({ from, length, total }: Sent, file: string, span: Span): void {
  if ("whole" in span && (total ?? length ?? 0) > span.whole) throw tooLarge(file, total, span.whole);
  const wanted = "offset" in span ? span.offset : "whole" in span ? 0 : total === null ? null : total - span.last;
  const elsewhere = from !== null && wanted !== null && from !== Math.max(0, wanted);
  if (elsewhere || (length !== null && length > most(span))) throw noRanges(file);
}

function most(span: Span): number {
  return "whole" in span ? span.whole : "last" in span ? span.last : span.length;
}

function rangeHeader(span: Span): string {
  if ("last" in span) return `bytes=-${span.last}`;
  if ("whole" in span) return `bytes=0-${span.whole}`; // one more than there may be, so that a longer file is known
  return `bytes=${span.offset}-${span.offset + span.length - 1}`;
}

function noRanges(file: string): StoreTrouble {
  return new StoreTrouble("no-ranges", `The server sends other bytes of ${file} than it is asked for.`);
}

export function tooLarge(file: string, size: number | null, limit: number): StoreTrouble {
  const mib = (bytes: number): string => `${Math.ceil(bytes / 2 ** 20).toLocaleString("en")} MiB`;
  const is = size === null ? "larger" : mib(size);
  return new StoreTrouble("too-large", `${file} is ${is}, but at most ${mib(limit)} of it can be read.`);
}
