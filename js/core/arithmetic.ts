/**
 * Which rows are chosen: the arithmetic, the same to the last bit as that of the Python package.
 *
 * `tests/golden/selection.json` holds both sides to it. Everywhere: NaN is never chosen, and ties go to the row that
 * comes first.
 */

import { rowsOf } from "./rows";

/** One number for each row. */
export type Column = Float64Array;

const STRATA = 10; // of about equally many rows of about the same length

/** Rows in a fraction: max(1, floor(fraction·valid + 0.5)), and 0 where nothing is valid. */
export function size(fraction: number, valid: number): number {
  return Math.min(valid, Math.max(1, Math.floor(fraction * valid + 0.5)));
}

/** The rows that have a number, highest first. */
export function order(scores: Column): Int32Array {
  const valid = new Int32Array(scores.length);
  let n = 0;
  for (let row = 0; row < scores.length; row++) if (!Number.isNaN(scores[row])) valid[n++] = row;
  return sortByKeys(valid.subarray(0, n), scores);
}

/** How many of an ordered column's rows score at least the threshold. */
export function countAbove(ordered: Int32Array, scores: Column, threshold: number): number {
  let low = 0;
  let high = ordered.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (scores[ordered[middle]!]! >= threshold) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** How many rows each direction takes of its own under `union`. */
export function shares(count: number, weights: number[]): number[] {
  const heaviest = Math.max(...weights);
  return weights.map((weight) => (count === 0 ? 0 : Math.max(1, Math.floor(count * (weight / heaviest) + 0.5))));
}

/** Rows that any of the prefixes holds, by their best rank, ties by row; and that rank of each, from 0. */
export function union(orders: Int32Array[], counts: number[], n: number): { rows: Int32Array; ranks: Int32Array } {
  const best = new Int32Array(n).fill(-1);
  const most = Math.max(...counts, 0);
  let total = 0;
  for (let rank = 0; rank < most; rank++) {
    for (let i = 0; i < orders.length; i++) {
      if (rank >= Math.min(counts[i]!, orders[i]!.length)) continue;
      const row = orders[i]![rank]!;
      if (best[row] !== -1) continue;
      best[row] = rank;
      total++;
    }
  }
  const merged = new Int32Array(total);
  const ranks = new Int32Array(total);
  let place = 0;
  for (let rank = 0; rank < most; rank++) {
    const start = place;
    for (let i = 0; i < orders.length; i++) {
      if (rank >= Math.min(counts[i]!, orders[i]!.length)) continue;
      const row = orders[i]![rank]!;
      if (best[row] !== rank) continue;
      best[row] = -2 - rank; // taken
      ranks[place] = rank;
      merged[place++] = row;
    }
    if (place - start > 1) merged.subarray(start, place).sort();
  }
  return { rows: merged, ranks };
}

/** Rows by turns: the direction with the least (rows taken + 1) / weight takes its best row that isn't taken yet. */
export function roundRobin(orders: Int32Array[], weights: number[], count: number, n: number): Int32Array {
  const taken = new Uint8Array(n);
  const next = orders.map(() => 0);
  const turns = orders.map(() => 0);
  const left = orders.map((_, i) => i);
  const rows = new Int32Array(Math.min(count, n));
  let k = 0;
  while (k < rows.length && left.length > 0) {
    const turn = left.reduce((a, b) => ((turns[b]! + 1) / weights[b]! < (turns[a]! + 1) / weights[a]! ? b : a));
    const queue = orders[turn]!;
    while (next[turn]! < queue.length && taken[queue[next[turn]!]!]) next[turn]!++;
    if (next[turn] === queue.length) {
      left.splice(left.indexOf(turn), 1);
      continue;
    }
    const row = queue[next[turn]!]!;
    taken[row] = 1;
    rows[k++] = row;
    turns[turn]!++;
  }
  return rows.subarray(0, k);
}

/** A column standardised over its valid rows; 0 where it has no spread. Sums run in row order, as in Python. */
export function zScores(scores: Column): Column {
  let n = 0;
  let sum = 0;
  for (const value of scores) {
    if (Number.isNaN(value)) continue;
    sum += value;
    n++;
  }
  const mean = sum / Math.max(1, n);
  let squares = 0;
  for (const value of scores) if (!Number.isNaN(value)) squares += (value - mean) * (value - mean);
  const deviation = Math.sqrt(squares / Math.max(1, n));
  const divisor = deviation > 0 ? deviation : Infinity;
  return scores.map((value) => (value - mean) / divisor);
}

/** Weighted mean of columns, summed in their order. */
export function weightedMean(columns: Column[], weights: number[]): Column {
  const all = weights.reduce((a, b) => a + b, 0);
  return columns[0]!.map((_, row) => {
    let total = 0;
    for (let i = 0; i < columns.length; i++) total += weights[i]! * columns[i]![row]!;
    return total / all;
  });
}

/** Highest weighted value of columns; NaN where any is. */
export function weightedMax(columns: Column[], weights: number[]): Column {
  return columns[0]!.map((_, row) => {
    let best = -Infinity;
    for (let i = 0; i < columns.length; i++) best = Math.max(best, weights[i]! * columns[i]![row]!);
    return best;
  });
}

/**
 * Scores without what the rank of the length explains by a straight line: s − slope·(r − m), fitted over the rows of
 * finite score, with r the rank from 1, ties at their mean rank, and m the mean of r. Sums run in row order.
 *
 * Infinite scores stay as they are, and where the slope isn't finite, as among rows of one length, all do.
 */
export function lengthResidual(scores: Column, lengths: Int32Array): Column {
  const fitted = rowsOf((row) => Number.isFinite(scores[row]), scores.length);
  const shortest = byLength(fitted, lengths);
  const ranks = new Float64Array(scores.length); // from their mean
  for (let start = 0, end = 0; start < shortest.length; start = end) {
    while (end < shortest.length && lengths[shortest[end]!] === lengths[shortest[start]!]) end++;
    const rank = (start + 1 + end) / 2 - (shortest.length + 1) / 2;
    for (let place = start; place < end; place++) ranks[shortest[place]!] = rank;
  }
  let sum = 0;
  for (const row of fitted) sum += scores[row]!;
  const mean = sum / fitted.length;
  let across = 0;
  let along = 0;
  for (const row of fitted) {
    across += ranks[row]! * (scores[row]! - mean);
    along += ranks[row]! * ranks[row]!;
  }
  const slope = across / along;
  return Number.isFinite(slope) ? scores.map((value, row) => value - slope * ranks[row]!) : scores;
}

/**
 * Each row's place among those of about its length, near 1 for the highest and near 0 for the lowest.
 *
 * The rows that have a score stand in order of (length, row) and are parted into ten strata, as equal as can be; the
 * row at position q, from 0, of the m of its stratum, highest first, gets 1 − (q + ½)/m.
 */
export function lengthStrata(scores: Column, lengths: Int32Array): Column {
  const highest = order(scores);
  const count = Math.min(STRATA, highest.length);
  const stratum = new Uint8Array(scores.length);
  const sizes = new Int32Array(count);
  byLength(highest.slice().sort(), lengths).forEach((row, place) => {
    stratum[row] = Math.floor((place * count) / highest.length);
    sizes[stratum[row]!]!++;
  });
  const places = new Float64Array(scores.length).fill(NaN);
  const next = new Int32Array(count);
  for (const row of highest) {
    const own = stratum[row]!;
    places[row] = 1 - (next[own]!++ + 0.5) / sizes[own]!;
  }
  return places;
}

/** A number in [0, 1) for each row: the integer hash `lowbias32` of C. Wellons. */
export function uniform(seed: number, n: number): Column {
  const key = hashed(seed);
  return Float64Array.from({ length: n }, (_, row) => hashed(row ^ key) / 2 ** 32);
}

function hashed(value: number): number {
  let x = value >>> 0;
  x = Math.imul(x ^ (x >>> 16), 0x7feb352d) >>> 0;
  x = Math.imul(x ^ (x >>> 15), 0x846ca68b) >>> 0;
  return (x ^ (x >>> 16)) >>> 0;
}

/** Ascending rows by their length, shortest first, ties by row. */
function byLength(rows: Int32Array, lengths: Int32Array): Int32Array {
  // A length and a place make one number, exact below 2^53, so that numbers alone are sorted, in native code.
  const n = rows.length;
  const keys = Float64Array.from(rows, (row, place) => lengths[row]! * n + place).sort();
  return Int32Array.from(keys, (key) => rows[key % n]!);
}

/** Sort rows by their numbers, highest first, ties by row. */
function sortByKeys(rows: Int32Array, scores: Column): Int32Array {
  // A typed array's own sort without a comparator runs in native code, tenfold a comparator's speed; so the numbers
  // are sorted alone, and each row then finds its place by its number.
  const sorted = new Float64Array(rows.length);
  for (let i = 0; i < rows.length; i++) sorted[i] = -scores[rows[i]!]!;
  sorted.sort();
  const placed = new Int32Array(rows.length);
  const ordered = new Int32Array(rows.length);
  for (let i = 0; i < rows.length; i++) {
    const key = -scores[rows[i]!]!;
    let low = 0;
    let high = sorted.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (sorted[middle]! < key) low = middle + 1;
      else high = middle;
    }
    ordered[low + placed[low]!++] = rows[i]!;
  }
  return ordered;
}
