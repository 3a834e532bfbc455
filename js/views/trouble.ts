/** A failure, told in one sentence with the trace folded away. */

import { fill, h } from "./dom";
import type { View } from "./host";

/** A place that shows nothing until something fails. */
export class Trouble implements View {
  readonly element = h("div", { class: "nait-trouble", role: "alert", hidden: true });

  /** Show a failure; what was cancelled on purpose is none. */
  show(error: unknown): void {
    if (error instanceof DOMException && error.name === "AbortError") return;
    const sentence = error instanceof Error ? error.message : String(error);
    const trace = error instanceof Error && "trace" in error ? error.trace : null;
    fill(
      this.element,
      h("span", {}, sentence),
      typeof trace === "string" && h("details", {}, h("summary", {}, "Trace"), h("pre", {}, trace)),
      h(
        "button",
        { type: "button", class: "nait-quiet", "aria-label": "Dismiss", on: { click: () => this.clear() } },
        "×",
      ),
    );
    this.element.hidden = false;
  }

  clear(): void {
    this.element.hidden = true;
    fill(this.element);
  }
}
