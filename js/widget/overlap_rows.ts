/** The rows that sets share: the UpSet plot, the core and its export, and the samples of an intersection. */

import type { AnyModel } from "@anywidget/types";
import { count, percent } from "../core/amounts";
import type { Intersection } from "../core/upset";
import { fill, h, uniqueId } from "../views/dom";
import type { Host, View } from "../views/host";
import { sampleList, type ListedSample } from "../views/samples";
import type { Trouble } from "../views/trouble";
import { Upset, type UpsetProps } from "../views/upset";
import { attempt, Newest } from "../views/asking";
import type { Kernel } from "./kernel";
import { panel, type Panel } from "../views/panel";

interface Rows {
  sets: { name: string; size: number }[];
  intersections: Intersection[];
  /** Whether there are scores to export with. */
  scored: boolean;
}

const EXPORTING = 120; // seconds without progress: scoring comes first, where nothing has been scored yet

export class OverlapRows implements View {
  readonly #panel: Panel;
  readonly #upset: Upset;
  readonly #core = h("p", { class: "nait-panel-about" });
  readonly #path = h("input", { type: "text", id: uniqueId("core-path"), value: "core.jsonl", spellcheck: "false" });
  readonly #export = h("button", { type: "button" }, "Export core");
  readonly #state = h("span", { class: "nait-muted" });
  readonly #samples = h("div");
  #props: UpsetProps | null = null;
  #exporting = false;
  readonly #newestCore = new Newest();
  readonly #newestSamples = new Newest();

  constructor(
    private readonly model: AnyModel,
    private readonly kernel: Kernel,
    private readonly host: Host,
    private readonly trouble: Trouble,
  ) {
    const { signal } = host;
    this.#upset = new Upset(host, {
      choose: (intersection) => void attempt(trouble, () => this.#choose(intersection)),
      step: (atLeast) => this.#step(atLeast),
    });
    const exporting = h(
      "div",
      { class: "nait-overlap-export" },
      h("label", { for: this.#path.id }, "Export the core to"),
      this.#path,
      this.#export,
      this.#state,
    );
    this.#export.addEventListener("click", () => this.#pressed(), { signal });
    // No form: JupyterLab keeps a cell's inputs from submitting one.
    const entered = (event: KeyboardEvent): void => {
      if (event.key === "Enter") this.#pressed();
    };
    this.#path.addEventListener("keydown", entered, { signal });
    const parts = [this.#upset.element, this.#core, exporting, this.#samples].map((element) => ({ element }));
    this.#panel = panel("Rows that the sets share", "nait-shared-rows", () => this.#upset.figure, ...parts);
    this.#panel.about("Every row once, by the sets that it is in. Choose a bar to see its first samples.");
    const changed = (): void => void attempt(trouble, () => this.#showCore());
    model.on("change:at_least", changed);
    signal.addEventListener("abort", () => model.off("change:at_least", changed));
  }

  get element(): HTMLElement {
    return this.#panel.element;
  }

  async open(): Promise<void> {
    const { body } = await this.kernel.ask<Rows | null>("rows", {}, { timeout: null });
    if (body === null) return; // directions have no rows, and one set alone shares none
    const { sets, intersections, scored } = body;
    this.#props = { sets, intersections, atLeast: 1 };
    this.#export.disabled = !scored;
    if (!scored) this.#state.textContent = "The core is exported with its scores: give the widget some by scores=….";
    this.#panel.show();
    await this.#showCore();
  }

  #step(atLeast: number): void {
    this.model.set("at_least", atLeast);
    this.model.save_changes();
  }

  async #showCore(): Promise<void> {
    if (this.#props === null) return;
    const atLeast = this.model.get("at_least") as number;
    this.#props = { ...this.#props, atLeast };
    this.#upset.update(this.#props);
    const { body } = await this.kernel.ask<{ count: number; tokens: number; share: number }>(
      "core",
      { at_least: atLeast },
      { signal: this.#newestCore.signal(), timeout: null },
    );
    const sentence =
      `The core has ${count(body.count)} rows, ${percent(body.share)} of those that may be selected, ` +
      `and ${count(body.tokens)} tokens.`;
    this.#core.textContent = sentence;
    this.host.announce(sentence);
  }

  async #choose(intersection: Intersection): Promise<void> {
    this.#props = { ...this.#props!, chosen: intersection };
    this.#upset.update(this.#props);
    const members = intersection.members.map((set) => this.#props!.sets[set]!.name);
    const asking = { signal: this.#newestSamples.signal() };
    const { body } = await this.kernel.ask<ListedSample[]>("samples", { members }, asking);
    const title = `Only in ${members.join(" and ")}: the first ${body.length} of ${count(intersection.count)} rows`;
    fill(this.#samples, h("h4", {}, title), sampleList(title, body));
    this.host.announce(title);
  }

  #pressed(): void {
    if (this.#exporting || this.#export.disabled) return;
    this.#exporting = true;
    void attempt(this.trouble, () => this.#exportCore()).finally(() => (this.#exporting = false));
  }

  async #exportCore(): Promise<void> {
    this.#state.textContent = "Exporting…";
    const asking = {
      timeout: EXPORTING,
      progress: (done: number, total: number) => {
        this.#state.textContent = `Exporting… ${count(done)} of ${count(total)} rows`;
      },
    };
    const body = { path: this.#path.value, at_least: this.model.get("at_least") };
    try {
      const answer = await this.kernel.ask<{ rows: number; files: string[] }>("export_core", body, asking);
      this.#state.textContent = `${count(answer.body.rows)} rows written, with recipe and card: ${answer.body.files.join(", ")}`;
      this.host.announce(`${count(answer.body.rows)} rows written`);
    } catch (error) {
      this.#state.textContent = "";
      throw error;
    }
  }
}
