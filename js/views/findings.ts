/** What was found, the worst first: a number, a verdict in a word, a sentence. */

import { fill, h } from "./dom";
import type { View } from "./host";

export interface ShownFinding {
  title: string;
  /** As it is written; empty where there is none. */
  number: string;
  verdict: Verdict;
  sentence: string;
}

export type Verdict = keyof typeof VERDICTS;

/** A symbol and a word each, the worst first. */
export const VERDICTS = {
  bad: ["✕", "bad"],
  caution: ["▲", "caution"],
  unknown: ["?", "not known"],
  good: ["✓", "good"],
} as const;

export class Findings implements View {
  readonly element = h("ol", { class: "nait-findings", "aria-label": "Findings, the worst first" });

  update(findings: readonly ShownFinding[]): void {
    fill(this.element, ...findings.map(card));
  }
}

function card({ title, number, verdict, sentence }: ShownFinding): HTMLElement {
  const [symbol, word] = VERDICTS[verdict];
  return h(
    "li",
    { class: "nait-finding", dataset: { verdict } },
    h(
      "header",
      {},
      h("h4", {}, title),
      h("span", { class: "nait-finding-verdict" }, h("span", { "aria-hidden": "true" }, `${symbol} `), word),
    ),
    number !== "" && h("strong", { class: "nait-finding-number" }, number),
    h("p", {}, sentence),
  );
}
