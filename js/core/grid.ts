/** Where a key leads in a grid, by the keys of the ARIA grid pattern. */

export interface Cell {
  row: number;
  column: number;
}

/** The cell that a key leads to, inside the grid; null where the key leads nowhere. */
export function moved(from: Cell, key: string, rows: number, columns: number, control = false): Cell | null {
  const to = target(from, key, rows, columns, control);
  if (to === null || rows === 0 || columns === 0) return null;
  return { row: clamp(to.row, rows), column: clamp(to.column, columns) };
}

function target({ row, column }: Cell, key: string, rows: number, columns: number, control: boolean): Cell | null {
  switch (key) {
    case "ArrowUp":
      return { row: row - 1, column };
    case "ArrowDown":
      return { row: row + 1, column };
    case "ArrowLeft":
      return { row, column: column - 1 };
    case "ArrowRight":
      return { row, column: column + 1 };
    case "Home":
      return { row: control ? 0 : row, column: 0 };
    case "End":
      return { row: control ? rows - 1 : row, column: columns - 1 };
    default:
      return null;
  }
}

function clamp(index: number, length: number): number {
  return Math.min(length - 1, Math.max(0, index));
}
