/** The budget line: what the selection amounts to. */

import { count, scored } from "../core/amounts";
import { oneLine } from "../core/text";
import { fill, h } from "./dom";
import type { View } from "./host";

export interface BudgetProps {
  rows: number;
  /** Of them, those that were only pinned. */
  pinned: number;
  tokens: number;
  /** Share of the rows that may be selected. */
  share: number;
  /** Score at each direction's cut; none where no score decides. */
  cuts: { name: string; score: number }[];
  /** Mean pairwise overlap of the rows' neurons; null for fewer than two rows, or why there is none. */
  overlap: number | null | "computing" | { none: string };
  /** The most frequent labels among the rows, with their share. */
  labels: { name: string; share: number }[];
}

export class Budget implements View {
  readonly element = h("dl", { class: "nait-budget", "aria-label": "The selection" });

  update({ rows, pinned, tokens, share, cuts, overlap, labels }: BudgetProps): void {
    fill(
      this.element,
      fact("rows", count(rows) + (pinned > 0 ? ` (${count(pinned)} only pinned)` : "")),
      fact("tokens", count(tokens)),
      fact("of the pool", `${(100 * share).toFixed(1)} %`),
      fact(
        "score at the cut",
        cuts.length === 1
          ? scored(cuts[0]!.score)
          : cuts.map(({ name, score }) => `${short(name)} ${scored(score)}`).join(" · ") || "–",
      ),
      fact(
        "mean overlap",
        overlapping(overlap),
        "Mean share of their strongest neurons that two chosen rows have in common: high means alike, low diverse.",
      ),
      labels.length > 0 &&
        fact("labels", labels.map(({ name, share }) => `${short(name)} ${(100 * share).toFixed(0)} %`).join(" · ")),
    );
  }
}

function overlapping(overlap: BudgetProps["overlap"]): string | HTMLElement {
  if (overlap === null) return "–";
  if (overlap === "computing") return "…";
  return typeof overlap === "number" ? overlap.toFixed(3) : h("span", { class: "nait-budget-none" }, overlap.none);
}

function short(name: string): string {
  return oneLine(name, 40);
}

function fact(name: string, value: string | HTMLElement, title: string | null = null): HTMLElement {
  return h("div", { title }, h("dt", {}, name), h("dd", {}, h("bdi", {}, value)));
}
