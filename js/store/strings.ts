/** Texts as a store has them, decoded one by one: a million of them as strings would take several times the space. */

const UTF8 = new TextDecoder("utf-8", { ignoreBOM: true }); // a text that begins with a mark keeps it

/** The texts of a chunk. */
export class Strings {
  readonly #starts: Uint32Array;

  /**
   * @param bytes Their number, then for each its length and its UTF-8, lengths as 32 bits.
   * @throws Error They end early.
   */
  constructor(private readonly bytes: Uint8Array) {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const length = bytes.length < 4 ? Infinity : view.getUint32(0, true);
    if (4 + 4 * length > bytes.length) throw cutOff();
    this.#starts = new Uint32Array(length + 1);
    let at = 4;
    for (let i = 0; i < length; i++) {
      if (at + 4 > bytes.length) throw cutOff();
      this.#starts[i] = at + 4;
      at += 4 + view.getUint32(at, true);
    }
    if (at > bytes.length) throw cutOff();
    this.#starts[length] = at + 4;
  }

  get length(): number {
    return this.#starts.length - 1;
  }

  get byteLength(): number {
    return this.bytes.byteLength + this.#starts.byteLength;
  }

  at(i: number): string {
    return UTF8.decode(this.#bytesOf(i));
  }

  /** The first place of a text, or -1. */
  indexOf(text: Uint8Array): number {
    for (let i = 0; i < this.length; i++) {
      const own = this.#bytesOf(i);
      if (own.length === text.length && own.every((byte, k) => byte === text[k])) return i;
    }
    return -1;
  }

  #bytesOf(i: number): Uint8Array {
    return this.bytes.subarray(this.#starts[i], this.#starts[i + 1]! - 4);
  }
}

function cutOff(): Error {
  return new Error("its texts end early");
}
