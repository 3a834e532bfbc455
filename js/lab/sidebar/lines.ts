/** The lines of the sidebar's list: a heading for each section, and what was found below it. */

import { folderOf, type Kind, nameOf } from "../kinds";
import type { Found } from "./finding";

export type Section = "stores" | "directions" | "scorers" | "selections";

const SECTIONS: readonly { section: Section; title: string; kinds: readonly Kind[] }[] = [
  { section: "stores", title: "Stores", kinds: ["store", "packed"] },
  { section: "directions", title: "Directions", kinds: ["direction"] },
  { section: "scorers", title: "Scorers", kinds: ["scorer"] },
  { section: "selections", title: "Selections", kinds: ["recipe"] },
];

export interface Heading {
  readonly key: Section;
  readonly title: string;
  /** How many there are, and how many pass the filter. */
  readonly all: number;
  readonly shown: number;
  readonly isOpen: boolean;
}

export interface Item {
  /** Its path. */
  readonly key: string;
  readonly found: Found;
  readonly name: string;
  readonly folder: string;
  /** Where it stands in its section, from 1. */
  readonly position: number;
  readonly of: number;
}

export type Line = Heading | Item;

export function isHeading(line: Line): line is Heading {
  return "isOpen" in line;
}

/** Found things in the order of their paths, numbers in them by their value. */
export function sorted(things: Iterable<Found>): Found[] {
  const keyed = Array.from(things, (found) => ({ found, key: sortKey(found.path) }));
  return keyed.sort((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0)).map(({ found }) => found);
}

/** Compared by code units, which is ten times as fast as a collation. */
function sortKey(path: string): string {
  return path.toLowerCase().replace(/\d+/g, (digits) => digits.padStart(12, "0"));
}

/**
 * The lines to show.
 *
 * @param things sorted
 * @param filter words that a path must contain, in whatever case
 * @param closed sections of which only the heading is shown, unless something is filtered
 */
export function linesOf(things: readonly Found[], filter: string, closed: ReadonlySet<Section>): Line[] {
  const words = filter.toLowerCase().split(/\s+/).filter(Boolean);
  const passes = ({ path }: Found): boolean => words.every((word) => path.toLowerCase().includes(word));
  return SECTIONS.flatMap(({ section, title, kinds }) => {
    const all = things.filter(({ kind }) => kinds.includes(kind));
    if (section === "scorers" && all.length === 0) return []; // most people have none
    const shown = words.length > 0 ? all.filter(passes) : all;
    const isOpen = words.length > 0 || !closed.has(section);
    const heading: Heading = { key: section, title, all: all.length, shown: shown.length, isOpen };
    const items = isOpen ? shown.map((found, i) => itemOf(found, i + 1, shown.length)) : [];
    return [heading, ...items];
  });
}

function itemOf(found: Found, position: number, of: number): Item {
  const { path } = found;
  return { key: path, found, name: nameOf(path), folder: folderOf(path), position, of };
}

export const HEIGHTS = { heading: 28, item: 46 };

/** Where each line begins, in pixels, and at the end where the last one ends. */
export function topsOf(lines: readonly Line[]): Float64Array {
  const tops = new Float64Array(lines.length + 1);
  lines.forEach((line, i) => {
    tops[i + 1] = tops[i]! + (isHeading(line) ? HEIGHTS.heading : HEIGHTS.item);
  });
  return tops;
}

/** The line at a height: the last that begins at or above it. */
export function lineAt(tops: Float64Array, height: number): number {
  let [low, high] = [0, Math.max(0, tops.length - 2)];
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (tops[middle]! <= height) low = middle;
    else high = middle - 1;
  }
  return low;
}
