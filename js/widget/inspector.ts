/** The inspector widget: one sample; its parts come as the kernel has them. */

import type { AnyModel } from "@anywidget/types";
import { count, signed } from "../core/amounts";
import { fill, h, uniqueId } from "../views/dom";
import type { Host } from "../views/host";
import { Layers } from "../views/layers";
import { Neurons, type NeuronsProps, type NeuronTerm } from "../views/neurons";
import { LongText } from "../views/reader";
import { Tokens, type TokensProps } from "../views/tokens";
import { Trouble } from "../views/trouble";
import { attempt, Newest } from "./asking";
import type { Kernel } from "./kernel";
import { panel } from "./panel";

/** What the kernel says of a sample. */
interface Sample {
  id: string;
  status: string;
  quarantined: boolean;
  tokens: number;
  directions: string[];
  hasText: boolean;
  prompt: string;
  response: string;
  /** Whether there is a model, and whether it can tell what neurons promote. */
  model: boolean;
  promotes: boolean;
  neurons: NeuronTerm[];
  /** Where there are scores and the sample has one. */
  score?: number;
  layers?: number[];
}

/** Seconds: a pass over a large store, or loading a large model. */
const LONG = 600;

export async function inspector(model: AnyModel, kernel: Kernel, root: HTMLElement, host: Host): Promise<void> {
  const widget = new Inspector(model, kernel, host);
  root.append(widget.element);
  await widget.show();
}

class Inspector {
  readonly element: HTMLElement;
  readonly #trouble = new Trouble();
  readonly #id: HTMLInputElement;
  readonly #direction: HTMLSelectElement;
  readonly #about = h("span", { class: "nait-inspector-about" });
  readonly #layers: Layers;
  readonly #neurons = new Neurons();
  readonly #tokens: Tokens;
  readonly #prompt: LongText;
  readonly #response: LongText;
  readonly #panels;
  readonly #waiting = h("p", { class: "nait-muted", role: "status" });
  readonly #newest = new Newest();

  constructor(
    private readonly model: AnyModel,
    private readonly kernel: Kernel,
    private readonly host: Host,
  ) {
    const { signal } = host;
    const ids = { sample: uniqueId("sample"), direction: uniqueId("direction") };
    this.#id = h("input", { id: ids.sample, type: "text", spellcheck: "false", autocomplete: "off", size: 18 });
    this.#direction = h("select", { id: ids.direction });
    this.#layers = new Layers(host);
    this.#tokens = new Tokens(host);
    this.#tokens.element.hidden = true;
    this.#prompt = new LongText("Prompt", signal);
    this.#response = new LongText("Response", signal);
    const texts = h("div", { class: "nait-reader-texts" }, this.#prompt.element, this.#response.element);
    this.#panels = {
      layers: panel("Contributions by layer", "nait-contributions", () => this.#layers.figure, this.#layers),
      neurons: section("Neurons", this.#neurons.element),
      text: section("Text", h("div", { class: "nait-reader" }, texts)),
      tokens: section("Tokens by contribution", this.#waiting, this.#tokens.element),
    };
    const form = h(
      "form",
      { class: "nait-inspector-controls" },
      h("label", { for: ids.sample }, "Sample"),
      this.#id,
      h("label", { for: ids.direction }, "Direction"),
      this.#direction,
      this.#about,
    );
    const { layers, neurons, text, tokens } = this.#panels;
    this.element = h(
      "div",
      {},
      form,
      this.#trouble.element,
      h(
        "div",
        { class: "nait-inspector-columns" },
        h("div", { class: "nait-inspector-column" }, layers.element, neurons.element),
        h("div", { class: "nait-inspector-column" }, tokens.element, text.element),
      ),
    );
    form.addEventListener("submit", (event) => this.#submit(event), { signal });
    this.#direction.addEventListener("change", () => this.#set("direction", this.#direction.value), { signal });
    const again = (): void => void this.show();
    for (const trait of ["change:sample_id", "change:direction"] as const) {
      model.on(trait, again);
      signal.addEventListener("abort", () => model.off(trait, again));
    }
  }

  /** Ask for the sample of the moment and show its parts as they come. */
  async show(id = this.model.get("sample_id") as string): Promise<void> {
    const signal = this.#newest.signal();
    const asked = { id, direction: String(this.model.get("direction")) };
    await attempt(this.#trouble, async () => {
      const { body, arrays } = await this.kernel.ask<Sample>("sample", asked, { signal });
      if (id !== this.model.get("sample_id")) return this.#set("sample_id", id); // it exists: all views show it
      this.#showSample(body, arrays["byLayer"]);
      const parts = [this.#askNeurons(body, asked, signal), this.#askTokens(body, asked, signal)];
      await Promise.all(parts);
    });
  }

  #submit(event: Event): void {
    event.preventDefault();
    void this.show(this.#id.value.trim());
  }

  #set(trait: string, value: string): void {
    this.model.set(trait, value);
    this.model.save_changes();
  }

  #showSample(sample: Sample, byLayer: ArrayLike<number> | undefined): void {
    const { layers, neurons, text, tokens } = this.#panels;
    this.#id.value = sample.id;
    const chosen = String(this.model.get("direction"));
    fill(
      this.#direction,
      ...sample.directions.map((name) => h("option", { value: name, selected: name === chosen }, name)),
    );
    this.#direction.disabled = sample.directions.length === 0;
    fill(this.#about, ...about(sample));
    this.host.announce(`Sample ${sample.id}: ${this.#about.textContent}`);
    if (byLayer === undefined) layers.hide();
    else {
      layers.show();
      this.#layers.update({ layers: sample.layers ?? [], values: byLayer, score: sample.score ?? NaN });
    }
    neurons.element.hidden = sample.quarantined;
    neurons.title(sample.score === undefined ? "Strongest neurons" : "Neurons that move the score most");
    text.element.hidden = !sample.hasText;
    this.#prompt.show(sample.prompt);
    this.#response.show(sample.response);
    tokens.element.hidden = sample.score === undefined;
  }

  async #askNeurons(sample: Sample, asked: object, signal: AbortSignal): Promise<void> {
    if (sample.quarantined) return;
    const props: NeuronsProps = { neurons: sample.neurons, percentiles: null, measured: null };
    if (sample.promotes) props.promoted = null;
    this.#neurons.update(props);
    const neurons = sample.neurons.map(({ layer, neuron, activation }) => [layer, neuron, activation]);
    const options = { signal, timeout: LONG };
    const standing = await this.kernel.ask<{ rows: number } | null>("percentiles", { ...asked, neurons }, options);
    if (standing.body === null) return;
    props.percentiles = standing.arrays["shares"]!;
    props.measured = standing.body.rows;
    this.#neurons.update(props);
    if (!sample.promotes) return;
    const promoted = await this.kernel.ask<string[][] | null>("promoted", { ...asked, neurons }, options);
    if (promoted.body !== null) this.#neurons.update({ ...props, promoted: promoted.body });
  }

  async #askTokens(sample: Sample, asked: object, signal: AbortSignal): Promise<void> {
    if (sample.score === undefined) return;
    this.#tokens.element.hidden = true;
    this.#waiting.hidden = false;
    this.#waiting.textContent = sample.model
      ? "Running the sample once more…"
      : "Give the model, Inspector(store, model, …), to see what each token adds.";
    if (!sample.model) return;
    try {
      const options = { signal, timeout: LONG };
      const { body, arrays } = await this.kernel.ask<Omit<TokensProps, "contributions" | "inPool"> | null>(
        "tokens",
        asked,
        options,
      );
      if (body === null) return;
      this.#tokens.update({ ...body, contributions: arrays["contributions"]!, inPool: arrays["inPool"]! });
      this.#tokens.element.hidden = false;
      this.#waiting.hidden = true;
    } catch (error) {
      if (!signal.aborted) this.#waiting.textContent = "The tokens can't be told.";
      throw error;
    }
  }
}

function about(sample: Sample): (HTMLElement | string)[] {
  const facts = [h("span", {}, `${count(sample.tokens)} tokens`), h("span", {}, sample.status)];
  if (sample.score !== undefined) return [h("strong", {}, `score ${signed(sample.score)}`), ...facts];
  if (sample.quarantined)
    return [...facts, h("strong", {}, `It was quarantined (${sample.status}), so it has no score.`)];
  return [...facts, h("span", { class: "nait-muted" }, "no scores were given")];
}

/** A titled part without a figure to save. */
function section(heading: string, ...parts: HTMLElement[]): { element: HTMLElement; title(text: string): void } {
  const title = h("h3", {}, heading);
  const element = h("section", { class: "nait-panel", "aria-label": heading }, h("header", {}, title), ...parts);
  return {
    element,
    title(text) {
      title.textContent = text;
      element.setAttribute("aria-label", text);
    },
  };
}
