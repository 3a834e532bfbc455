/** What is saved in a store besides activations: named parts, each a group with one attribute of JSON. */

import { Fields } from "./fields";
import { StoreTrouble } from "./trouble";

const KINDS = {
  directions: { attribute: "nait_direction", format: "nait-direction-1" },
  scorers: { attribute: "nait_scorer", format: "nait-scorer-1" },
  scores: { attribute: "nait_scores", format: "nait-scores-1" },
  selections: { attribute: "nait_selection", format: "nait-selection-1" },
} as const;

export type PartKind = keyof typeof KINDS;

/** A part: the name of its group, and what a person called it. */
export interface Part {
  readonly key: string;
  readonly name: string;
}

type Nodes = ReadonlyMap<string, unknown> | null;

/** The parts of a kind, by their keys. */
export function parts(nodes: Nodes, kind: PartKind): Part[] {
  const found: Part[] = [];
  for (const path of nodes?.keys() ?? []) {
    const key = path.startsWith(`${kind}/`) ? path.slice(kind.length + 1) : "";
    if (!/^[\p{L}\p{N}_-]+$/u.test(key)) continue; // the array of a part, or something of the same name elsewhere
    const attributes = attributesOf(nodes, kind, key);
    if (attributes !== null) found.push({ key, name: attributes.text("name") });
  }
  return found.sort((a, b) => (a.key < b.key ? -1 : 1));
}

/** What is said of a part. */
export function part(nodes: Nodes, kind: PartKind, key: string): Fields {
  const attributes = attributesOf(nodes, kind, key);
  if (attributes === null) throw new StoreTrouble("missing", `There is no ${key} among the store's ${kind}.`);
  const format = attributes.any("format");
  if (format === KINDS[kind].format) return attributes;
  throw new StoreTrouble("newer", `${kind}/${key} is of the format ${String(format)}, which is not known here.`);
}

/** Null for a group that is none of ours. */
function attributesOf(nodes: Nodes, kind: PartKind, key: string): Fields | null {
  const path = `${kind}/${key}`;
  const node = nodes?.get(path);
  if (node === undefined) return null;
  const group = new Fields(node, path);
  if (group.any("node_type") !== "group" || !group.has("attributes")) return null;
  const attributes = group.fields("attributes");
  const { attribute } = KINDS[kind];
  return attributes.has(attribute) ? attributes.fields(attribute) : null;
}
