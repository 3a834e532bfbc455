/** Sets of rows: sorted arrays of row numbers here, bits on the way to the kernel and back. */

/** Ascending row numbers, never changed in place. */
export type Rows = Int32Array;

export const NO_ROWS: Rows = new Int32Array();

/** Bitsets of n rows one after the other, the lowest bit first; nothing at all where every set is empty. */
export function pack(sets: Rows[], n: number): Uint8Array {
  if (sets.every((rows) => rows.length === 0)) return new Uint8Array();
  const bytes = Math.ceil(n / 8);
  const data = new Uint8Array(sets.length * bytes);
  sets.forEach((rows, i) => {
    for (const row of rows) data[i * bytes + (row >> 3)]! |= 1 << (row & 7);
  });
  return data;
}

/** The sets that `pack` packed. */
export function unpack(data: Uint8Array, count: number, n: number): Rows[] {
  if (data.length === 0) return Array.from({ length: count }, () => NO_ROWS);
  const bytes = Math.ceil(n / 8);
  if (data.length !== count * bytes) throw new Error(`${data.length} bytes are not ${count} sets of ${n} rows`);
  return Array.from({ length: count }, (_, i) => rowsOf((row) => (data[i * bytes + (row >> 3)]! >> (row & 7)) & 1, n));
}

/** The rows of which something is true. */
export function rowsOf(has: (row: number) => number | boolean, n: number): Rows {
  const rows = new Int32Array(n);
  let k = 0;
  for (let row = 0; row < n; row++) if (has(row)) rows[k++] = row;
  return rows.slice(0, k);
}

/** Rows of either set. */
export function both(a: Rows, b: Rows): Rows {
  return Int32Array.from(new Set([...a, ...b])).sort();
}

/** Rows of the first set that aren't in the second. */
export function without(a: Rows, b: Rows): Rows {
  const gone = new Set(b);
  return a.filter((row) => !gone.has(row));
}

/** Whether a set has a row. */
export function has(rows: Rows, row: number): boolean {
  let low = 0;
  for (let high = rows.length; low < high;) {
    const middle = (low + high) >> 1;
    if (rows[middle]! < row) low = middle + 1;
    else high = middle;
  }
  return rows[low] === row;
}

/**
 * How many rows each set has, then all rows, as little-endian 32-bit integers; nothing where every set is empty. For
 * pools so large that a bit a row would be much.
 */
export function list(sets: Rows[]): Uint8Array {
  if (sets.every((rows) => rows.length === 0)) return new Uint8Array();
  const numbers = [...sets.map((rows) => rows.length), ...sets.flatMap((rows) => [...rows])];
  const view = new DataView(new ArrayBuffer(4 * numbers.length));
  numbers.forEach((number, i) => view.setInt32(4 * i, number, true));
  return new Uint8Array(view.buffer);
}

/** The sets that `list` listed. */
export function unlist(data: Uint8Array, count: number): Rows[] {
  if (data.length === 0) return Array.from({ length: count }, () => NO_ROWS);
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  let at = count;
  return Array.from({ length: count }, (_, i) => {
    const length = view.getInt32(4 * i, true);
    return Int32Array.from({ length }, () => view.getInt32(4 * at++, true));
  });
}
