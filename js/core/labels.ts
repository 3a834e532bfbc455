/** Room for text in an SVG, which neither wraps nor clips: reckoned by the width of a typical character. */

/** Width of a character of the figures' text, in pixels. */
export const CHARACTER = 6.4;

/** Pixels that the longest of some texts takes. */
export function widest(texts: readonly string[]): number {
  return CHARACTER * texts.reduce((most, text) => Math.max(most, [...text].length), 0);
}

/** A text, cut in the middle where it is wider than there is room: names often differ in their ends alone. */
export function clipped(text: string, room: number): string {
  const most = Math.max(3, Math.floor(room / CHARACTER));
  const characters = [...text];
  if (characters.length <= most) return text;
  const head = Math.ceil((most - 1) / 2);
  return `${characters.slice(0, head).join("")}…${characters.slice(head + 1 - most).join("")}`;
}
