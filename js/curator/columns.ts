/** The columns of the table. */

import type { Column } from "../views/table";

const COLUMNS: readonly Column[] = [
  { key: "rank", title: "Rank", sortable: true },
  { key: "id", title: "Id", sortable: true, sortedBy: "the source's order" }, // ids come with their rows only
  { key: "score", title: "Score", sortable: true },
  { key: "tokens", title: "Tokens", sortable: true },
  { key: "label", title: "Label", sortable: true },
  { key: "prompt", title: "Prompt", sortable: false },
  { key: "response", title: "Response", sortable: false },
];

/**
 * The columns of a table, with and without one for labels, of scores as they are or adjusted; arrays that stay, for a
 * table is built anew with others.
 */
export type Columns = Record<"plain" | "adjusted", { labelled: readonly Column[]; unlabelled: readonly Column[] }>;

/**
 * The columns that there is anything to show in.
 *
 * @param wanted Their keys, in order; all where nobody says.
 * @param text Whether there are texts.
 */
export function columnsOf(wanted: readonly string[] | undefined, text: boolean): Columns {
  const ordered = wanted?.flatMap((key) => COLUMNS.filter((column) => column.key === key)) ?? COLUMNS;
  const shown = ordered.filter(({ key }) => text || (key !== "prompt" && key !== "response"));
  const titled = (score: string): Columns["plain"] => {
    const labelled = shown.map((column) => (column.key === "score" ? { ...column, title: score } : column));
    return { labelled, unlabelled: labelled.filter(({ key }) => key !== "label") };
  };
  return { plain: titled("Score"), adjusted: titled("Adjusted") };
}
