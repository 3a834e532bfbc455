/** A running capture: how far, how fast, what is quarantined, and a button that stops it. */

import { amount, count, duration, percent } from "../core/amounts";
import { fill, h } from "./dom";
import type { Host, View } from "./host";
import { Trouble } from "./trouble";

/** What a capture reports of itself. */
export interface CaptureReport {
  state: "capturing" | "complete" | "stopped" | "failed";
  /** How to go on, or what failed. */
  sentence: string;
  total: number;
  done: number;
  seconds: number;
  rows_a_second: number;
  tokens_a_second: number;
  seconds_left: number | null;
  /** Rows by reason. */
  quarantined: Record<string, number>;
}

const STATES = {
  capturing: ["…", "Capturing"],
  complete: ["✓", "Complete"],
  stopped: ["■", "Stopped"],
  failed: ["✕", "Failed"],
} as const;

export class Capture implements View {
  readonly element = h("section", { class: "nait-capture", "aria-label": "Capture" });
  readonly #state = h("h3");
  readonly #figures = h("p", { class: "nait-capture-figures" });
  readonly #quarantined = h("p", { class: "nait-capture-quarantined" });
  readonly #sentence = h("p", { class: "nait-capture-sentence nait-sample", dir: "auto" });
  readonly #share = h("div", { class: "nait-capture-share" });
  readonly #bar = h("div", { class: "nait-capture-bar", role: "progressbar", "aria-valuemin": 0 }, this.#share);
  readonly #stop: HTMLButtonElement;
  readonly #trouble = new Trouble();
  #shown: CaptureReport["state"] | null = null;

  constructor(
    private readonly host: Host,
    stop: () => Promise<void>,
  ) {
    this.#stop = h("button", { type: "button" }, "Stop");
    this.#stop.addEventListener("click", () => void this.#stopping(stop), { signal: host.signal });
    this.element.append(
      h("header", {}, this.#state, this.#stop),
      this.#bar,
      this.#figures,
      this.#quarantined,
      this.#sentence,
      this.#trouble.element,
    );
  }

  update(report: CaptureReport): void {
    const [symbol, word] = STATES[report.state];
    const share = report.total > 0 ? report.done / report.total : 1;
    const rows = `${count(report.done)} of ${count(report.total)} rows`;
    this.element.dataset.state = report.state;
    fill(this.#state, h("span", { "aria-hidden": "true" }, `${symbol} `), word);
    this.#share.style.inlineSize = percent(share).replace(" ", "");
    this.#bar.setAttribute("aria-label", "Captured rows");
    this.#bar.setAttribute("aria-valuemax", String(report.total));
    this.#bar.setAttribute("aria-valuenow", String(report.done));
    this.#bar.setAttribute("aria-valuetext", `${rows}, ${percent(share, 0)}`);
    fill(this.#figures, ...apart([`${rows} (${percent(share, 0)})`, ...pace(report)]));
    const reasons = Object.entries(report.quarantined);
    this.#quarantined.hidden = reasons.length === 0;
    this.#quarantined.textContent = `Quarantined: ${reasons.map(([why, n]) => `${count(n)} ${why.replaceAll("_", " ")}`).join(", ")}`;
    this.#sentence.hidden = report.sentence === "";
    this.#sentence.textContent = report.sentence;
    this.#stop.hidden = report.state !== "capturing";
    if (report.state !== this.#shown && this.#shown !== null)
      this.host.announce(`${word}: ${rows}. ${report.sentence}`);
    this.#shown = report.state;
  }

  async #stopping(stop: () => Promise<void>): Promise<void> {
    this.#stop.disabled = true;
    this.#stop.textContent = "Stopping…";
    this.#trouble.clear();
    this.host.announce("Stopping the capture");
    try {
      await stop();
    } catch (error) {
      this.#trouble.show(error);
      this.#stop.disabled = false;
      this.#stop.textContent = "Stop";
    }
  }
}

function pace(report: CaptureReport): string[] {
  if (report.state !== "capturing")
    return report.rows_a_second > 0 ? [`in ${duration(report.seconds)}`, ...speed(report)] : [];
  if (report.seconds_left === null) return ["starting"];
  return [...speed(report), `${duration(report.seconds_left)} left`];
}

function speed(report: CaptureReport): string[] {
  return [`${amount(report.rows_a_second)} rows/s`, `${amount(report.tokens_a_second)} tokens/s`];
}

/** Parts that break between, never within. */
function apart(parts: string[]): HTMLElement[] {
  return parts.map((part) => h("span", {}, part));
}
