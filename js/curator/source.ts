/** Where a Curator's numbers and texts come from: a kernel, or a store that is read without one. */

import type { Labels, Pool } from "../core/curation";
import type { Exported, ExportWish } from "../views/exporter";
import type { SampleText } from "../views/reader";
import type { ScatterData } from "../views/scatter";
import type { RowText } from "../views/table";

/** What is known of a pool at the start. */
export interface Opened {
  pool: Pool;
  /** What the statuses of rows are called. */
  statuses: Record<number, string>;
  store: string;
  about: string;
  /** Whether the store holds the samples' texts. */
  text: boolean;
  /** The ways in which samples can be laid out on a map. */
  maps: string[];
  /** Where an export goes unless another place is named. */
  export: string;
  greeting: string;
}

export interface Source {
  labels(): Promise<Labels[]>;
  /** A bit for each row that has the text, whatever the case. */
  search(text: string): Promise<Uint8Array>;
  map(method: string): Promise<{ data: ScatterData; axes: string }>;
  /** Ids and the beginnings of texts. */
  page(rows: number[]): Promise<RowText[]>;
  /** A sample's whole texts. */
  sample(row: number): Promise<SampleText>;
  /** The row of an id. */
  find(id: string): Promise<number>;
  /** How alike the chosen rows are by their neurons, null for too few of them; itself null where nobody can tell. */
  overlap: (() => Promise<number | null>) | null;
  export(wish: ExportWish, progress: (done: number, total: number) => void): Promise<Exported>;
  /** Python code that makes the same selection. */
  code(): Promise<string>;
}
