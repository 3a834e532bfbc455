/** What the tests of this room read from: the golden stores, given out as a server would, and broken where asked. */

import { readFileSync } from "node:fs";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { type Bytes, type Files, HttpFiles } from "./files";
import { openStore, type Store } from "./store";
import { StoreTrouble } from "./trouble";
import { ZipFiles } from "./zip";
import { findDirectory, readDirectory } from "./zip_directory";

const GOLDEN = join(import.meta.dirname, "../../tests/golden");

/** A file beside the golden vectors. */
export function golden(name: string): Buffer {
  return readFileSync(join(GOLDEN, name));
}

/** As JSON.parse gives it. */
export type Metadata = any;

/** What a server does instead of what it should. */
export interface Fault {
  what: "ignores ranges" | "forbids" | "asks to log in" | "fails" | "breaks off";
  path: RegExp;
}

/** Gives out files from memory, by the rules of Jupyter's server. */
export class TestServer {
  readonly files = new Map<string, Uint8Array>();
  fault: Fault | null = null;
  /** Whether files that begin with a dot are given out. */
  showsHidden = false;

  private constructor(private readonly server: Server) {}

  static async start(): Promise<TestServer> {
    const server = createServer();
    const own = new TestServer(server);
    server.on("request", (request, response) => own.#answer(request, response));
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    return own;
  }

  async close(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }

  url(path: string): string {
    const { port } = this.server.address() as AddressInfo;
    return `http://127.0.0.1:${port}/${path.split("/").map(encodeURIComponent).join("/")}`;
  }

  folder(name: string): HttpFiles {
    return new HttpFiles((path) => this.url(`${name}/${path}`));
  }

  open(name: string): Promise<Store> {
    return openStore(this.folder(name), name);
  }

  async openZip(name: string): Promise<Store> {
    return openStore(await ZipFiles.open(this.url(name), name), name);
  }

  /** Have the files of a golden archive in a folder, and nothing else there. */
  unpack(archive: string, folder: string): void {
    for (const path of this.files.keys()) if (path.startsWith(`${folder}/`)) this.files.delete(path);
    for (const [path, bytes] of unpacked(golden(archive))) this.files.set(`${folder}/${path}`, bytes);
  }

  /** Change a file of bytes. */
  edit(path: string, change: (bytes: Buffer) => Uint8Array): void {
    this.files.set(path, change(Buffer.from(this.files.get(path)!)));
  }

  /** Change the metadata at a store's root. */
  editRoot(store: string, change: (root: Metadata) => void): void {
    this.edit(`${store}/zarr.json`, (bytes) => {
      const root: Metadata = JSON.parse(bytes.toString());
      change(root);
      return Buffer.from(JSON.stringify(root));
    });
  }

  #answer(request: IncomingMessage, response: ServerResponse): void {
    const path = decodeURIComponent(new URL(request.url!, "http://x").pathname).slice(1);
    const fault = this.fault?.path.test(path) ? this.fault.what : null;
    const end = (status: number, headers: Record<string, string | number>, body: Uint8Array | string = ""): void => {
      response.writeHead(status, headers);
      response.end(body);
    };
    if (path === "login") return end(200, { "Content-Type": "text/html" }, "<form>");
    if (fault === "asks to log in") return end(302, { Location: "/login" });
    if (fault === "forbids") return end(403, {});
    if (fault === "fails") return end(502, {}, "Bad gateway");
    const hidden = path.split("/").some((part) => part.startsWith("."));
    const bytes = hidden && !this.showsHidden ? undefined : this.files.get(path);
    if (bytes === undefined) return end(404, {}, "nothing here");
    const range = fault === "ignores ranges" ? undefined : request.headers.range;
    const [start, stop] = rangeOf(range, bytes.length);
    if (start >= bytes.length) return end(416, { "Content-Range": `bytes */${bytes.length}` });
    const body = bytes.subarray(start, stop);
    const headers = { "Content-Length": body.length, "Content-Range": `bytes ${start}-${stop - 1}/${bytes.length}` };
    if (fault === "breaks off") {
      response.writeHead(206, headers);
      response.write(body.subarray(0, body.length / 2), () => response.destroy());
    } else if (body.length < bytes.length) {
      end(206, headers, body);
    } else {
      end(200, { "Content-Length": body.length }, body); // a range of everything is none
    }
  }
}

function rangeOf(header: string | undefined, length: number): [number, number] {
  const [, from, to] = /^bytes=(\d*)-(\d*)$/.exec(header ?? "") ?? [];
  if (from === undefined) return [0, length];
  return from === "" ? [Math.max(0, length - Number(to)), length] : [Number(from), Math.min(length, Number(to) + 1)];
}

/** Files in memory, without a server. */
export class MemoryFiles implements Files {
  readonly transferred = 0;
  readonly requests = 0;

  constructor(private readonly files: ReadonlyMap<string, Uint8Array>) {}

  async whole(path: string): Promise<Bytes> {
    const bytes = this.files.get(path);
    if (bytes === undefined) throw new StoreTrouble("missing", `There is no ${path}.`);
    return new Uint8Array(bytes);
  }

  async range(path: string, offset: number, length: number): Promise<Bytes> {
    const bytes = (await this.whole(path)).subarray(offset, offset + length);
    if (bytes.length < length) throw new StoreTrouble("damaged", `${path} was cut off.`);
    return bytes;
  }

  async tail(path: string, length: number): Promise<Bytes> {
    const bytes = await this.whole(path);
    return bytes.subarray(Math.max(0, bytes.length - length));
  }
}

/** The files of an archive. */
export function unpacked(archive: Uint8Array): [string, Uint8Array][] {
  const place = findDirectory(archive, 0, "archive");
  const directory = archive.subarray(place.offset, place.offset + place.size);
  return [...readDirectory(directory, place, "archive")].map(([path, { at, size }]) => [
    path,
    archive.subarray(at!, at! + size),
  ]);
}
