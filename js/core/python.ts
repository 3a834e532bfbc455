/** Values as Python code. Names and paths are a stranger's: they only ever get in as literals. */

/** A text as a Python literal of printable characters, which reads from left to right. */
export function literal(text: string): string {
  // JSON's escapes are Python's, too. What is left of control and format characters could hide what the code does.
  return JSON.stringify(text).replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\u00a0]/gu, (character) => {
    const code = character.codePointAt(0)!.toString(16);
    return code.length > 4 ? `\\U${code.padStart(8, "0")}` : `\\u${code.padStart(4, "0")}`;
  });
}

/** A value of JSON as Python writes it. */
export function python(value: unknown): string {
  if (value === null) return "None";
  if (value === true) return "True";
  if (value === false) return "False";
  if (Array.isArray(value)) return `[${value.map(python).join(", ")}]`;
  if (typeof value === "object") {
    const entries = Object.entries(value).map(([name, each]) => `${python(name)}: ${python(each)}`);
    return `{${entries.join(", ")}}`;
  }
  return typeof value === "string" ? literal(value) : String(value);
}
