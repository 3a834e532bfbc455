/** The files that this extension knows, told by their names alone. */

/** A store's folder, a store in one file, a capability's direction, and how a selection was made. */
export type Kind = "store" | "packed" | "direction" | "recipe";

/** How a kind's names end, and whether it is a folder. */
interface Naming {
  readonly kind: Kind;
  readonly ending: string;
  readonly isFolder: boolean;
}

const NAMINGS: readonly Naming[] = [
  { kind: "store", ending: ".zarr", isFolder: true },
  { kind: "packed", ending: ".zarr.zip", isFolder: false },
  { kind: "direction", ending: ".direction", isFolder: false },
  { kind: "recipe", ending: ".recipe.json", isFolder: false },
];

/** What a file or a folder of this name is; null for everything else. */
export function kindOf(name: string, isFolder: boolean): Kind | null {
  const naming = NAMINGS.find((one) => one.isFolder === isFolder && name.endsWith(one.ending));
  return naming === undefined || name === naming.ending ? null : naming.kind;
}

/** The ending that names of a kind have. */
export function endingOf(kind: Kind): string {
  return NAMINGS.find((naming) => naming.kind === kind)!.ending;
}

/** The last part of a path. */
export function nameOf(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1);
}

/** What comes before a path's last part; empty at the root. */
export function folderOf(path: string): string {
  return path.slice(0, Math.max(0, path.lastIndexOf("/")));
}
