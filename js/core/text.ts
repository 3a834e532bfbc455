/**
 * Somebody else's text as plain text that can't act on the page or on its reader.
 *
 * A curator judges what a model would be trained on, so what would act or hide is named, not dropped: control
 * characters (and so terminal escapes) and bidirectional controls. Their pictures in Unicode won't do: few fonts have
 * them. Zero-width characters stay as they are: emoji and several scripts are spelt with them, and they can't move
 * other text.
 *
 * Lengths are UTF-16 units, as `String.length` counts; work is in proportion to the limit, whatever the text's length.
 */

/** A piece of text, safe to show, and how many units of the original lie beyond it. */
export interface Shown {
  text: string;
  cut: number;
}

// With the `u` flag \p{Cs} matches lone surrogates only.
const UNSAFE = /\r\n|(?![\n\t])[\p{Cc}\p{Cs}\p{Bidi_Control}]/gu;

const C0 = (
  "NUL SOH STX ETX EOT ENQ ACK BEL BS HT LF VT FF CR SO SI " +
  "DLE DC1 DC2 DC3 DC4 NAK SYN ETB CAN EM SUB ESC FS GS RS US"
).split(" ");

const NAMES = new Map([
  ...C0.map((name, code): [number, string] => [code, name]),
  [0x7f, "DEL"],
  [0x061c, "ALM"],
  [0x200e, "LRM"],
  [0x200f, "RLM"],
  [0x202a, "LRE"],
  [0x202b, "RLE"],
  [0x202c, "PDF"],
  [0x202d, "LRO"],
  [0x202e, "RLO"],
  [0x2066, "LRI"],
  [0x2067, "RLI"],
  [0x2068, "FSI"],
  [0x2069, "PDI"],
]);

/** The first `limit` units of a text, lines kept. */
export function display(text: string, limit: number): Shown {
  const end = cutAt(text, limit);
  return { text: text.slice(0, end).replace(UNSAFE, visible), cut: text.length - end };
}

/** The beginning of a text on one line, white space run together; an ellipsis tells that it goes on. */
export function oneLine(text: string, limit: number): string {
  // Looking a little further than the limit lets indented text fill the line; no further, lest a megabyte be read.
  const end = cutAt(text, 4 * limit);
  const line = text.slice(0, end).replace(/\s+/g, " ").trim();
  const { text: shown, cut } = display(line, limit);
  return cut > 0 || end < text.length ? `${shown}…` : shown;
}

/** At most `limit`, less where a text can then be cut after a line break without losing more than half. */
export function wholeLines(text: string, limit: number): number {
  if (text.length <= limit) return limit;
  const end = text.lastIndexOf("\n", limit - 1) + 1;
  return end > limit / 2 ? end : limit;
}

/** Where to cut so that no character outside the basic plane is halved. */
function cutAt(text: string, limit: number): number {
  if (limit >= text.length) return text.length;
  const first = text.codePointAt(limit - 1) ?? 0;
  return first > 0xffff ? limit - 1 : limit;
}

function visible(found: string): string {
  if (found === "\r\n") return "\n";
  const code = found.charCodeAt(0);
  if (code >= 0xd800) return "\ufffd";
  return `⟨${NAMES.get(code) ?? `U+00${code.toString(16).toUpperCase()}`}⟩`;
}
