/** The direction health widget: findings, the worst first, and the figures behind them. */

import type { AnyModel } from "@anywidget/types";
import { h } from "../views/dom";
import { Curve, type CurveProps } from "../views/curve";
import { Density } from "../views/density";
import { Findings, type ShownFinding, VERDICTS, type Verdict } from "../views/findings";
import type { Host } from "../views/host";
import type { Arrays, Kernel } from "./kernel";
import { panel } from "../views/panel";

interface Measured {
  direction: string;
  about: string;
  findings: ShownFinding[];
  layers: number[];
}

export async function health(_model: AnyModel, kernel: Kernel, root: HTMLElement, host: Host): Promise<void> {
  const waiting = h("p", { class: "nait-muted", role: "status" }, "Measuring: the store is scored by every refit…");
  root.append(waiting);
  try {
    const { body, arrays } = await kernel.ask<Measured>("health", {}, { timeout: null });
    root.append(shown(body, arrays, host));
    host.announce(`Health of ${body.direction}: ${summary(body.findings)}`);
  } finally {
    waiting.remove();
  }
}

function shown(measured: Measured, arrays: Arrays, host: Host): HTMLElement {
  const findings = new Findings();
  findings.update(measured.findings);
  const figures = [...curves(measured, arrays).map((props) => curve(props, host)), lengths(arrays, host)];
  return h(
    "div",
    {},
    h(
      "header",
      { class: "nait-health-title" },
      h("h3", {}, "Direction health: ", h("bdi", {}, measured.direction)),
      h("span", {}, summary(measured.findings)),
      h("span", { class: "nait-muted" }, measured.about),
    ),
    findings.element,
    h("div", { class: "nait-health-figures" }, ...figures),
  );
}

function summary(findings: readonly ShownFinding[]): string {
  const verdicts = Object.keys(VERDICTS) as Verdict[];
  const counts = verdicts.map(
    (verdict) => [findings.filter((each) => each.verdict === verdict).length, verdict] as const,
  );
  return counts
    .filter(([n]) => n > 0)
    .map(([n, verdict]) => `${n} ${VERDICTS[verdict][1]}`)
    .join(" · ");
}

/** The charts that there are numbers for: a contrast has no component, and an old direction no refits. */
function curves({ layers }: Measured, arrays: Arrays): CurveProps[] {
  const { explained, margin, splitHalf, sizes, learning } = arrays as Required<Arrays>;
  const charts: CurveProps[] = [];
  if (Array.from(explained!).some(Number.isFinite)) {
    charts.push({
      title: "Explained variance and sign margin",
      places: layers,
      placeName: "layer",
      series: [
        { name: "variance explained", values: explained!, kind: "bars" },
        { name: "sign margin", values: margin!, kind: "line" },
      ],
      range: [0, 0.5],
    });
  }
  if (splitHalf!.length > 0) {
    charts.push({
      title: "Cosine of two halves' fits",
      places: layers,
      placeName: "layer",
      series: [
        { name: "mean", values: means(splitHalf!, layers.length), kind: "line" },
        { name: "each split", values: splitHalf!, kind: "dots" },
      ],
      range: [0, 1],
    });
  }
  if (sizes!.length > 0) {
    charts.push({
      title: "Learning curve",
      places: Array.from(sizes!),
      placeName: "in-domain rows",
      series: [{ name: "agreement with the whole fit (Jaccard)", values: learning!, kind: "line" }],
      range: [0, 1],
    });
  }
  return charts;
}

/** The mean of several runs, one after another. */
function means(runs: ArrayLike<number>, length: number): Float64Array {
  const total = new Float64Array(length);
  for (let i = 0; i < runs.length; i++) total[i % length]! += runs[i]!;
  return total.map((sum) => (sum * length) / runs.length);
}

function curve(props: CurveProps, host: Host): HTMLElement {
  const view = new Curve(host);
  view.update(props);
  const shown = panel(
    props.title,
    `nait-${props.title.toLowerCase().replaceAll(/\W+/g, "-")}`,
    () => view.figure,
    view,
  );
  shown.show();
  return shown.element;
}

function lengths({ tokens, scores }: Arrays, host: Host): HTMLElement {
  const view = new Density(host);
  view.update({ title: "Score against length", x: tokens!, y: scores!, xName: "tokens (log)", yName: "score" });
  const shown = panel("Score against length", "nait-score-length", () => view.figure, view);
  shown.show();
  return shown.element;
}
