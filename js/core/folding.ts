/**
 * A text as a search compares it, whatever the case: as `fold` of the Python package has it.
 *
 * Upper case first, for it alone spells out `ß` and ligatures; then two letters that it leaves in two forms. Both
 * languages give the same for every character of Unicode 14; of later ones each knows those of its own version.
 */
export function fold(text: string): string {
  return text.toUpperCase().toLowerCase().replaceAll("ς", "σ").replaceAll("ß", "ss");
}
