/** Amounts as people say them. */

export function counted(n: number, what: string): string {
  return `${n.toLocaleString("en")} ${what}${n === 1 ? "" : "s"}`;
}

/** Bytes. */
export function sized(bytes: number): string {
  const power = bytes < 1000 ? 0 : Math.min(4, Math.floor(Math.log10(bytes) / 3));
  const value = bytes / 1000 ** power;
  return `${power === 0 || value >= 99.5 ? Math.round(value) : value.toPrecision(2)} ${UNITS[power]}`;
}

const UNITS = ["B", "kB", "MB", "GB", "TB"];
