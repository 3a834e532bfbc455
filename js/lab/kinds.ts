/** The files that this extension knows, told by their names alone. */

/** A store's folder, a store in one file, a capability's direction, another scorer, and how a selection was made. */
export const KINDS = ["store", "packed", "direction", "scorer", "recipe"] as const;
export type Kind = (typeof KINDS)[number];

const ENDINGS: Record<Kind, string> = {
  store: ".zarr",
  packed: ".zarr.zip",
  direction: ".direction",
  scorer: ".scorer",
  recipe: ".recipe.json",
};

/** What a file or a folder of this name is; null for everything else. */
export function kindOf(name: string, isFolder: boolean): Kind | null {
  const kind = KINDS.find((one) => isFolder === (one === "store") && name.endsWith(ENDINGS[one]));
  return kind === undefined || name === ENDINGS[kind] ? null : kind;
}

/** What a path that a command is given stands for. */
export function kindOfPath(path: string): Kind | null {
  const name = nameOf(path);
  return kindOf(name, true) ?? kindOf(name, false);
}

/** How names of a kind end. */
export function endingOf(kind: Kind): string {
  return ENDINGS[kind];
}

/** The last part of a path. */
export function nameOf(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1);
}

/** A store's name without what tells that it is one. */
export function stemOf(path: string): string {
  return nameOf(path).replace(/\.zarr(\.zip)?$/, "");
}

/** What comes before a path's last part; empty at the root. */
export function folderOf(path: string): string {
  return path.slice(0, Math.max(0, path.lastIndexOf("/")));
}
