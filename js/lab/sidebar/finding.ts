/**
 * Finding stores, directions and recipes in a tree of folders that is read one listing at a time.
 *
 * A listing costs the server about as much as a page view, and trees may be huge or go in circles (through links). So
 * the near folders come first, few listings are asked for at a time, every dimension has a bound, and what was left
 * out is told.
 */

import { type Kind, kindOf } from "../kinds";

/** What a listing tells of a file or a folder, as Jupyter's contents API names it. */
export interface Entry {
  readonly name: string;
  readonly path: string;
  readonly type: string;
  readonly created: string;
  readonly last_modified: string;
  readonly size?: number | null;
}

/** Something found. */
export interface Found {
  readonly kind: Kind;
  readonly path: string;
  readonly modified: string;
  /** Of a file; null for a folder. */
  readonly bytes: number | null;
}

/** Where to look, and how far. */
export interface Search {
  readonly folders: readonly string[];
  readonly depth: number;
  readonly mostFolders: number;
  readonly mostEntries: number;
  readonly mostResults: number;
}

/** What was not looked into, and why: `count` folders, `path` being the first. */
export interface Omission {
  readonly why: "depth" | "folders" | "entries" | "results" | Error;
  readonly path: string;
  count: number;
}

/** What was looked into. */
export interface Looked {
  folders: number;
  entries: number;
  results: number;
  readonly omitted: Omission[];
}

/** Open listings at any time. */
export const AT_ONCE = 4;

/** Folders that hold other things, and many of them. */
const SKIPPED = new Set(["node_modules", "__pycache__"]);

interface Folder {
  readonly path: string;
  readonly depth: number;
  /** Marks of the folders above it. */
  readonly above: readonly string[];
}

/**
 * Look through a tree.
 *
 * @param list reads one folder
 * @param found called with what a folder holds, as soon as it is read
 * @param signal ends the search: no listing is asked for and nothing found any more
 */
export async function find(
  list: (path: string) => Promise<readonly Entry[]>,
  search: Search,
  found: (things: readonly Found[], looked: Looked) => void,
  signal: AbortSignal,
): Promise<Looked> {
  const looked: Looked = { folders: 0, entries: 0, results: 0, omitted: [] };
  const waiting: Folder[] = search.folders.map((path) => ({ path, depth: 0, above: [] }));
  const seen = new Set(search.folders);
  const open = new Set<Promise<void>>();

  const read = async (folder: Folder): Promise<void> => {
    try {
      const entries = await list(folder.path);
      if (!signal.aborted) sift(folder, entries);
    } catch (error) {
      const why = error instanceof Error ? error : new Error(String(error));
      if (!signal.aborted) omit(looked, why, folder.path, 1);
    }
  };

  const sift = (folder: Folder, entries: readonly Entry[]): void => {
    looked.entries += entries.length;
    const mark = marked(entries);
    if (folder.above.includes(mark)) return; // a link to a folder above: all of it is being looked through
    const above = [...folder.above, mark];
    const things: Found[] = [];
    for (const entry of inOrder(entries)) {
      const isFolder = entry.type === "directory";
      const kind = kindOf(entry.name, isFolder);
      if (kind !== null) things.push(taken(kind, entry));
      else if (isFolder && isLookedInto(entry.name) && !seen.has(entry.path)) {
        seen.add(entry.path);
        if (folder.depth < search.depth) waiting.push({ path: entry.path, depth: folder.depth + 1, above });
        else omit(looked, "depth", entry.path, 1);
      }
    }
    const room = search.mostResults - looked.results;
    if (things.length > room) omit(looked, "results", folder.path, 1);
    looked.results += Math.min(room, things.length);
    found(things.slice(0, room), looked);
  };

  for (let next = 0; !signal.aborted && (next < waiting.length || open.size > 0);) {
    const bound = next < waiting.length ? boundOf(looked, search) : null;
    if (bound !== null) {
      omit(looked, bound, waiting[next]!.path, waiting.length - next);
      next = waiting.length;
    } else if (next < waiting.length && open.size < AT_ONCE) {
      looked.folders += 1;
      const reading = read(waiting[next++]!).finally(() => open.delete(reading));
      open.add(reading);
    } else await Promise.race(open);
  }
  return looked;
}

/** A server lists in no order; where a search stops is to be no accident. */
function inOrder(entries: readonly Entry[]): Entry[] {
  return [...entries].sort((a, b) => (a.name < b.name ? -1 : 1));
}

function taken(kind: Kind, { path, last_modified, size }: Entry): Found {
  return { kind, path, modified: last_modified, bytes: kind === "store" ? null : (size ?? null) };
}

/** The first bound that is reached. */
function boundOf(looked: Looked, search: Search): "folders" | "entries" | "results" | null {
  if (looked.results >= search.mostResults) return "results";
  if (looked.folders >= search.mostFolders) return "folders";
  return looked.entries >= search.mostEntries ? "entries" : null;
}

/** One omission for each reason, failures being one, too. */
function omit(looked: Looked, why: Omission["why"], path: string, count: number): void {
  const same = looked.omitted.find((one) => one.why === why || (one.why instanceof Error && why instanceof Error));
  if (same === undefined) looked.omitted.push({ why, path, count });
  else same.count += count;
}

function isLookedInto(name: string): boolean {
  return !name.startsWith(".") && !SKIPPED.has(name);
}

/**
 * What tells a folder from others: its first entries with their times. A folder that is reached a second time, through
 * a link, has the same, whatever it is called there. One without entries leads nowhere.
 */
function marked(entries: readonly Entry[]): string {
  const first = entries.slice(0, 16).map(({ name, created, last_modified }) => [name, created, last_modified]);
  return JSON.stringify([entries.length, first]);
}
