/** How strongly signed values show in colour. */

export interface Strengths {
  /** From −1 to 1, with the value's sign. */
  shares: Float64Array;
  /** The size that shows in full. */
  full: number;
}

/** Shares of the 98th percentile of the sizes: one outlier leaves the others their colour. */
export function strengths(values: ArrayLike<number>): Strengths {
  const sizes = Float64Array.from(values, Math.abs).sort();
  // Where nearly all are zero, the largest is all there is to see.
  const full = sizes[Math.ceil(0.98 * sizes.length) - 1] || (sizes.at(-1) ?? 0);
  const share = (value: number): number => (full > 0 ? Math.max(-1, Math.min(1, value / full)) : 0);
  return { shares: Float64Array.from(values, share), full };
}
