/** What an UpSet plot shows of the exclusive intersections of sets. */

/** The rows that are in exactly these sets. */
export interface Intersection {
  /** Positions of the sets, ascending. */
  readonly members: readonly number[];
  readonly count: number;
}

export interface Arranged {
  /** Those in most sets first, so that every core (in at least m sets) is a beginning of it. */
  shown: Intersection[];
  /** What found no place. */
  hidden: { intersections: number; rows: number };
}

/** Choose the largest intersections and put them in order. */
export function arrange(intersections: readonly Intersection[], limit: number): Arranged {
  const bySize = [...intersections].sort((a, b) => b.count - a.count || a.members.length - b.members.length);
  const shown = bySize.slice(0, limit);
  shown.sort((a, b) => b.members.length - a.members.length || b.count - a.count);
  return { shown, hidden: { intersections: bySize.length - shown.length, rows: total(bySize.slice(limit)) } };
}

/** Rows in at least m sets. */
export function coreSize(intersections: readonly Intersection[], atLeast: number): number {
  return total(intersections.filter(({ members }) => members.length >= atLeast));
}

function total(intersections: readonly Intersection[]): number {
  return intersections.reduce((sum, { count }) => sum + count, 0);
}
