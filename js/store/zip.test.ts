import fc from "fast-check";
import { deflateRawSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { golden, TestServer, unpacked } from "./testing";
import { type Kind, StoreTrouble } from "./trouble";
import { ZipFiles } from "./zip";
import { findDirectory, readDirectory } from "./zip_directory";

let server: TestServer;

beforeAll(async () => {
  server = await TestServer.start();
});

afterAll(() => server.close());

/** A file of an archive, and what its directory says otherwise than it is. */
interface Packed {
  name: string;
  bytes?: Buffer;
  method?: number;
  flags?: number;
  size?: number;
  /** Of its own header alone. */
  extra?: Buffer;
  /** Whether the directory has its numbers in 64 bits. */
  wide?: boolean;
  /** Where the directory says that it lies. */
  at?: number;
}

/** What the end of an archive says otherwise than it is. */
interface End {
  entries?: number;
  size?: number;
  offset?: number;
  comment?: Buffer;
  wide?: boolean;
}

function zipped(files: Packed[], end: End = {}): Buffer {
  const pieces: Buffer[] = [];
  const directory: Buffer[] = [];
  let at = 0;
  for (const {
    name,
    bytes = Buffer.from(name),
    method = 0,
    flags = 0,
    size = bytes.length,
    extra,
    wide,
    ...said
  } of files) {
    const own = extra ?? Buffer.of();
    const header = numbers([0x04034b50, 4], [20, 2], [flags, 2], [method, 2], [0, 8], [bytes.length, 4], [size, 4]);
    const lengths = numbers([Buffer.byteLength(name), 2], [own.length, 2]);
    pieces.push(header, lengths, Buffer.from(name), own, bytes);
    const place = said.at ?? at;
    const long = wide ? numbers([1, 2], [24, 2], [size, 8], [bytes.length, 8], [place, 8]) : Buffer.of();
    const [packed, full, offset] = wide ? [0xffffffff, 0xffffffff, 0xffffffff] : [bytes.length, size, place];
    directory.push(
      numbers([0x02014b50, 4], [20, 2], [20, 2], [flags, 2], [method, 2], [0, 8], [packed!, 4], [full!, 4]),
      numbers([Buffer.byteLength(name), 2], [long.length, 2], [0, 10], [offset!, 4]),
      Buffer.from(name),
      long,
    );
    at += header.length + lengths.length + Buffer.byteLength(name) + own.length + bytes.length;
  }
  const listed = Buffer.concat(directory);
  const { entries = files.length, size = listed.length, offset = at, comment = Buffer.of(), wide } = end;
  const record = numbers([0x06064b50, 4], [44, 8], [0, 12], [entries, 8], [entries, 8], [size, 8], [offset, 8]);
  const locator = numbers([0x07064b50, 4], [0, 4], [at + listed.length, 8], [1, 4]);
  const said = wide ? [0xffff, 0xffffffff, 0xffffffff] : [entries, size, offset];
  const last = numbers([0x06054b50, 4], [0, 4], [said[0]!, 2], [said[0]!, 2], [said[1]!, 4], [said[2]!, 4]);
  return Buffer.concat([
    ...pieces,
    listed,
    ...(wide ? [record, locator] : []),
    last,
    numbers([comment.length, 2]),
    comment,
  ]);
}

/** Little-endian numbers of so many bytes. */
function numbers(...fields: [value: number, bytes: number][]): Buffer {
  return Buffer.concat(
    fields.map(([value, bytes]) => {
      const field = Buffer.alloc(Math.max(bytes, 8));
      field.writeBigUInt64LE(BigInt(value));
      return field.subarray(0, bytes);
    }),
  );
}

const FILES = ["zarr.json", "a/c/0", "a/c/1", "größe"].map((name) => ({ name }));

async function open(archive: Buffer): Promise<ZipFiles> {
  server.files.set("x.zarr.zip", archive);
  return ZipFiles.open(server.url("x.zarr.zip"), "x.zarr.zip");
}

describe("an archive", () => {
  const forms: [string, Buffer, number][] = [
    ["as it is packed", zipped(FILES), 0],
    ["with a comment", zipped(FILES, { comment: Buffer.from("PK\x05\x06 is how an end begins") }), 0],
    ["with numbers of 64 bits", zipped(FILES.map((file) => ({ ...file, wide: true })), { wide: true }), 4],
    ["with longer headers of files", zipped(FILES.map((file) => ({ ...file, extra: Buffer.alloc(9) }))), 4],
    ["with sizes behind the bytes", zipped(FILES.map((file) => ({ ...file, flags: 8 }))), 4],
  ]; // prettier-ignore
  it.each(forms)("%s gives any part of any file", async (_, archive, headers) => {
    const files = await open(archive);
    const { requests } = files;
    for (const { name } of FILES) expect(Buffer.from(await files.whole(name, 100)).toString()).toBe(name);
    // Where a file begins is clear from the directory alone, or its own header is asked for.
    expect(files.requests - requests).toBe(FILES.length + headers);
    expect(Buffer.from(await files.range("zarr.json", 5, 4)).toString()).toBe("json");
    expect(Buffer.from(await files.tail("zarr.json", 4)).toString()).toBe("json");
    expect(Buffer.from(await files.tail("zarr.json", 99)).toString()).toBe("zarr.json");
    for (const [work, kind] of [
      [files.range("zarr.json", 5, 5), "damaged"],
      [files.whole("zarr.json", 8), "too-large"],
      [files.whole("toString", 100), "missing"],
      [files.whole("__proto__", 100), "missing"],
    ] as const) {
      await expect(work).rejects.toMatchObject({ name: "StoreTrouble", kind });
    }
  });

  it("whose directory is long is opened by two reads, and the rest of it stays where it is", async () => {
    const many = Array.from({ length: 5000 }, (_, i) => ({ name: `a/c/${i}`, bytes: Buffer.alloc(1000) }));
    const archive = zipped([...many, { name: "zarr.json" }]);
    const files = await open(archive);
    expect(files.requests).toBe(2);
    expect(files.transferred).toBeLessThan(128 * 1024 + 60 * 5001);
  });

  const wrong: [string, Buffer, Kind, RegExp][] = [
    ["that leads outside", zipped([...FILES, { name: "../../etc/passwd" }]), "unsafe", /a file outside of itself \(\.\.\/\.\.\/etc/],
    ["that leads outside on its way", zipped([{ name: "a/../../x" }]), "unsafe", /outside/],
    ["of the root", zipped([{ name: "/etc/passwd" }]), "unsafe", /outside/],
    ["of a drive", zipped([{ name: "C:x" }]), "unsafe", /outside/],
    ["with other slashes", zipped([{ name: "..\\x" }]), "unsafe", /outside/],
    ["with no name", zipped([{ name: "" }]), "unsafe", /outside/],
    ["with a name of no letters", zipped([{ name: "a\0b" }]), "unsafe", /outside/],
    ["with a file twice", zipped([...FILES, { name: "zarr.json" }]), "unsafe", /holds zarr\.json twice/],
    ["that is encrypted", zipped([{ name: "zarr.json", flags: 1 }]), "unsafe", /encrypted/],
    ["with compression", zipped([{ name: "zarr.json", method: 8, size: 9, bytes: deflateRawSync("zarr.json") }]), "compressed", /packed with compression \(zarr\.json\)/],
    ["of sizes that disagree", zipped([{ name: "zarr.json", size: 2 ** 31 }]), "damaged", /sizes of zarr\.json disagree/],
    ["of files in one place", zipped([...FILES, { name: "b", at: 0 }]), "unsafe", /overlap/],
    ["of files beyond", zipped([{ name: "zarr.json", at: 1e9 }]), "unsafe", /overlap/],
    ["of two million files", zipped(FILES, { wide: true, entries: 2_000_000 }), "too-large", /says that it holds 2,000,000 files/],
    ["of more files than it lists", zipped(FILES, { entries: 5 }), "damaged", /fewer files than it says/],
    ["of a giant directory", zipped(FILES, { wide: true, size: 100 * 2 ** 20 }), "too-large", /directory of x\.zarr\.zip is 100 MiB/],
    ["of a directory beyond", zipped(FILES, { size: 5000 }), "damaged", /beyond its end/],
    ["that was cut off", zipped(FILES).subarray(0, -1), "damaged", /its end was cut off/],
    ["that is none", Buffer.from("<html>"), "damaged", /no zip archive/],
    ["of nothing", Buffer.of(), "damaged", /no zip archive/],
    ["of a folder", zipped([{ name: "alpaca.zarr/zarr.json" }]), "foreign", /packed by another tool/],
  ]; // prettier-ignore
  it.each(wrong)("%s is refused", async (_, archive, kind, says) => {
    const trouble: unknown = await open(archive).catch((error: unknown) => error);
    expect(trouble).toMatchObject({ kind, what: expect.stringMatching(says) });
  });

  it("with compression says how it is mended", async () => {
    const trouble = await open(zipped([{ name: "zarr.json", method: 8 }])).catch((error: unknown) => error);
    expect((trouble as StoreTrouble).mend).toMatch(/`nait unpack`.*`nait pack`/);
  });

  it("with any bytes of its directory replaced gives files inside of it or a trouble", () => {
    const archive = zipped([...FILES, { name: "wide", wide: true }], { wide: true });
    const first = findDirectory(archive, 0, "x").offset;
    const change = fc.tuple(fc.integer({ min: first, max: archive.length - 1 }), fc.integer({ min: 0, max: 255 }));
    fc.assert(
      fc.property(fc.array(change, { minLength: 1, maxLength: 4 }), (changes) => {
        const bytes = Buffer.from(archive);
        for (const [place, value] of changes) bytes[place] = value;
        try {
          const place = findDirectory(bytes, 0, "x");
          const directory = bytes.subarray(place.offset, place.offset + place.size);
          for (const { header, headerLength, size } of readDirectory(directory, place, "x").values()) {
            expect(header + headerLength + size).toBeLessThanOrEqual(bytes.length);
          }
        } catch (error) {
          if (!(error instanceof StoreTrouble)) throw error;
        }
      }),
      { numRuns: 2000 },
    );
  }, 60_000);
});

it("reads what `nait pack` wrote as the manifest there says", () => {
  const files = new Map(unpacked(golden("store.zarr.zip")));
  const manifest = JSON.parse(Buffer.from(files.get("nait-manifest.json")!).toString()) as {
    files: Record<string, { bytes: number }>;
  };
  files.delete("nait-manifest.json");
  const sizes = Object.fromEntries(Object.entries(manifest.files).map(([path, { bytes }]) => [path, bytes]));
  expect(Object.fromEntries([...files].map(([path, bytes]) => [path, bytes.length]))).toEqual(sizes);
});
