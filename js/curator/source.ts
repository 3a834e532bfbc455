/** Where a Curator's numbers and texts come from: a kernel, or a store that is read without one. */

import type { Labels, Pool } from "../core/curation";
import type { Rows } from "../core/rows";
import type { StopArrays } from "../core/stops";
import type { Exported, ExportWish } from "../views/exporter";
import type { SampleText } from "../views/reader";
import type { ScatterData } from "../views/scatter";
import type { RowText } from "../views/table";

/** What is known of any pool at the start. */
export interface About {
  /** What the statuses of rows are called. */
  statuses: Record<number, string>;
  store: string;
  about: string;
  /** Whether the store holds the samples' texts. */
  text: boolean;
  /** Whether the store holds the samples' strongest neurons. */
  neurons: boolean;
  /** Where an export goes unless another place is named. */
  export: string;
  greeting: string;
}

/** What is known of a pool that the page holds. */
export interface Opened extends About {
  pool: Pool;
  /** The ways in which samples can be laid out on a map. */
  maps: string[];
}

/** What is known of a pool that is too large for the page. */
export interface OpenedLarge extends About {
  directions: string[];
  n: number;
  /** Rows that may be chosen and have a score. */
  scored: number;
  tokens: { low: number; high: number };
  lastSelectable: number;
}

/** What any source tells of single rows and of the selection. */
export interface RowSource {
  /** Ids and the beginnings of texts. */
  page(rows: number[]): Promise<RowText[]>;
  /** A sample's whole texts. */
  sample(row: number): Promise<SampleText>;
  /** The row of an id. */
  find(id: string): Promise<number>;
  /** How alike the chosen rows are by their neurons, null for too few of them; or why nobody can tell. */
  overlap: (() => Promise<number | null>) | { none: string };
  export(wish: ExportWish, progress: (done: number, total: number) => void): Promise<Exported>;
  /** Python code that makes the same selection. */
  code(): Promise<string>;
}

export interface Source extends RowSource {
  labels(): Promise<Labels[]>;
  /** A bit for each row that has the text, whatever the case. */
  search(text: string): Promise<Uint8Array>;
  map(method: string): Promise<{ data: ScatterData; axes: string }>;
}

/** What the kernel sums up of the present selection, and what it has of it at every other amount. */
export interface Sums {
  stops: StopArrays;
  /** How many rows a fraction is of. */
  valid: number;
  /** Rows that the filters leave. */
  shown: number;
  /** Range of the histogram, and rows in each of its bins: all, and those that the filters leave. */
  low: number;
  high: number;
  all: Uint32Array;
  shownBins: Uint32Array;
  /** Whose order each queue of the stops is; null where it isn't one direction's. */
  queues: (number | null)[];
  /** For each label column, rows of each value that the other filters leave. */
  counts: Uint32Array[];
}

/** A row of the table. */
export interface LargeRow {
  row: number;
  position: number;
  text: RowText;
  /** From 1; 0 for one that can't be chosen. */
  rank: number;
  score: number;
  /** The amount at which it comes to be chosen: rows asked for, or the threshold. */
  entering: number;
  shown: boolean;
  tokens: number;
  status: number;
  /** By each direction, as they are and, where they are, adjusted. */
  scores: number[];
  adjusted: number[];
  /** Its value in each label column. */
  labels: number[];
}

/** Which rows of the table are asked for: by position, or by number. */
export type Wanted = { positions: number[] } | { rows: number[] };

/** The kernel, of a pool that is too large for the page; what it answers is of the state that it was told last. */
export interface LargeSource extends RowSource {
  labels(): Promise<Omit<Labels, "codes">[]>;
  /** Find a text, so that it can be filtered by. */
  search(text: string): Promise<void>;
  sums(direction: number | null, label: string | null): Promise<Sums>;
  table(wanted: Wanted, sort: { key: string; descending: boolean; label: string | null }): Promise<LargeRow[]>;
  /** The rows that the filters leave, as long as they aren't too many to be told. */
  shown(): Promise<Rows>;
}
