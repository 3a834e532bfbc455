/** What can be set: the values of schema/plugin.json, with a default for each that is missing or means nothing. */

export const COLUMNS = ["rank", "id", "score", "tokens", "label", "prompt", "response"] as const;
export const PALETTES = ["cividis", "viridis", "greys"] as const;

export interface Preferences {
  /** Columns of the table of samples, in order. */
  readonly columns: readonly (typeof COLUMNS)[number][];
  /** Colours of scores. */
  readonly palette: (typeof PALETTES)[number];
  /** Pixels. */
  readonly histogramHeight: number;
  readonly mapHeight: number;
  /** Rows of the table in view. */
  readonly tableRows: number;
  /** Where stores are looked for: folders below the server's root, which is the empty string. */
  readonly folders: readonly string[];
  /** How far below them. */
  readonly depth: number;
  /** Where looking ends. */
  readonly mostFolders: number;
  readonly mostEntries: number;
  readonly mostResults: number;
}

export const DEFAULTS: Preferences = {
  columns: COLUMNS,
  palette: "cividis",
  histogramHeight: 150,
  mapHeight: 420,
  tableRows: 12,
  folders: [""],
  depth: 6,
  mostFolders: 2000,
  mostEntries: 100_000,
  mostResults: 1000,
};

/** The least and the most of each number; `schema/plugin.json` has the same. */
export const RANGES = {
  histogramHeight: [80, 600],
  mapHeight: [160, 1200],
  tableRows: [4, 60],
  depth: [0, 64],
  mostFolders: [1, 100_000],
  mostEntries: [1, 10_000_000],
  mostResults: [1, 20_000],
} as const satisfies Partial<Record<keyof Preferences, readonly [number, number]>>;

/** Settings as they were read. */
export function preferences(read: Readonly<Record<string, unknown>>): Preferences {
  const number = (name: keyof typeof RANGES): number => {
    const value = read[name];
    const [least, most] = RANGES[name];
    return typeof value === "number" && value >= least && value <= most ? Math.floor(value) : DEFAULTS[name];
  };
  return {
    columns: some(read["columns"], (value) => COLUMNS.find((column) => column === value)) ?? DEFAULTS.columns,
    palette: PALETTES.find((palette) => palette === read["palette"]) ?? DEFAULTS.palette,
    histogramHeight: number("histogramHeight"),
    mapHeight: number("mapHeight"),
    tableRows: number("tableRows"),
    folders: some(read["folders"], folder) ?? DEFAULTS.folders,
    depth: number("depth"),
    mostFolders: number("mostFolders"),
    mostEntries: number("mostEntries"),
    mostResults: number("mostResults"),
  };
}

/** The different values of a list that mean something; undefined where none does. */
function some<T>(values: unknown, known: (value: unknown) => T | undefined): readonly T[] | undefined {
  if (!Array.isArray(values)) return undefined;
  const found = new Set(values.map(known).filter((value) => value !== undefined));
  return found.size > 0 ? [...found] : undefined;
}

/** A folder as the server names it: relative to its root and never above it. */
function folder(value: unknown): string | undefined {
  if (typeof value !== "string") return undefined;
  const parts = value.split("/").filter((part) => part !== "" && part !== ".");
  return parts.includes("..") ? undefined : parts.join("/");
}
