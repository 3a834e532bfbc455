/** The Inspector: one sample; its parts come as its source has them. */

import { count, signed } from "../core/amounts";
import { fill, h, uniqueId } from "../views/dom";
import type { Host } from "../views/host";
import { Layers } from "../views/layers";
import { Neurons, type NeuronsProps } from "../views/neurons";
import { LongText } from "../views/reader";
import { Tokens } from "../views/tokens";
import { Trouble } from "../views/trouble";
import { attempt, Newest } from "../views/asking";
import { panel, section } from "../views/panel";
import type { Asked, Parts, Sample, Source, Subject } from "./source";

export class InspectorPage {
  readonly element: HTMLElement;
  readonly #trouble = new Trouble();
  readonly #id: HTMLInputElement;
  readonly #direction: HTMLSelectElement;
  readonly #about = h("span", { class: "nait-inspector-about" });
  readonly #layers: Layers;
  /** Why there are no contributions to show. */
  readonly #apart = h("p", { class: "nait-muted" });
  readonly #neurons = new Neurons();
  readonly #tokens: Tokens;
  readonly #prompt: LongText;
  readonly #response: LongText;
  readonly #panels;
  readonly #waiting = h("p", { class: "nait-muted", role: "status" });
  readonly #newest = new Newest();
  /** Whether a person is writing another id, or about to; what arrives meanwhile must not overwrite it. */
  #typing = false;
  /** What was last written into the field for them. */
  #named = "";

  constructor(
    private readonly source: Source,
    private readonly subject: Subject,
    private readonly host: Host,
  ) {
    const { signal } = host;
    const ids = { sample: uniqueId("sample"), direction: uniqueId("direction") };
    this.#id = h("input", { id: ids.sample, type: "text", spellcheck: "false", autocomplete: "off", size: 18 });
    this.#direction = h("select", { id: ids.direction });
    this.#layers = new Layers(host);
    this.#tokens = new Tokens(host);
    this.#tokens.element.hidden = true;
    this.#prompt = new LongText("Prompt");
    this.#response = new LongText("Response");
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
        h("div", { class: "nait-inspector-column" }, this.#apart, layers.element, neurons.element),
        h("div", { class: "nait-inspector-column" }, tokens.element, text.element),
      ),
    );
    form.addEventListener("submit", (event) => this.#submit(event), { signal });
    for (const begins of ["focus", "input"]) this.#id.addEventListener(begins, () => (this.#typing = true), { signal });
    this.#id.addEventListener("blur", () => this.#left(), { signal });
    this.#direction.addEventListener("change", () => subject.show({ direction: this.#direction.value }), { signal });
    subject.onChange(signal, () => void this.show());
  }

  /** Ask for the sample of the moment and show its parts as they come. */
  async show(id = this.subject.sample): Promise<void> {
    if (id === null) return;
    const signal = this.#newest.signal();
    const asked = { id, direction: this.subject.direction };
    await attempt(this.#trouble, async () => {
      const sample = await this.source.sample(asked, signal);
      if (id !== this.subject.sample) return this.subject.show({ sample: id }); // it exists: all views show it
      if (signal.aborted) return;
      this.#showSample(sample);
      await Promise.all([this.#askNeurons(sample, asked, signal), this.#askTokens(sample, asked, signal)]);
    });
  }

  #submit(event: Event): void {
    event.preventDefault();
    this.#typing = false;
    void this.show(this.#id.value.trim());
  }

  /** The person has left the field; where nothing was written, it names what is shown again. */
  #left(): void {
    if (this.#id.value !== this.#named) return;
    this.#typing = false;
    this.#name(this.subject.sample ?? "");
  }

  #name(id: string): void {
    if (!this.#typing) this.#id.value = this.#named = id;
  }

  #showSample(sample: Sample): void {
    const { layers, neurons, text, tokens } = this.#panels;
    const { scored } = sample;
    this.#name(sample.id);
    const chosen = this.subject.direction;
    fill(
      this.#direction,
      ...sample.directions.map((name) => h("option", { value: name, selected: name === chosen }, name)),
    );
    this.#direction.disabled = sample.directions.length === 0;
    fill(this.#about, ...about(sample));
    this.host.announce(`Sample ${sample.id}: ${this.#about.textContent}`);
    const parts = partsOf(sample);
    if (scored === null || parts === null) layers.hide();
    else {
      layers.show();
      this.#layers.update({ layers: parts.layers, values: parts.byLayer, score: scored.score });
    }
    const why = typeof scored?.parts === "string" ? scored.parts : "";
    this.#apart.hidden = why === "";
    this.#apart.textContent = why;
    neurons.element.hidden = sample.neurons.length === 0;
    neurons.title(parts === null ? "Strongest neurons" : "Neurons that move the score most");
    text.element.hidden = sample.text === null;
    if (sample.text !== null) {
      this.#prompt.show(sample.text.prompt);
      this.#response.show(sample.text.response);
    }
    tokens.element.hidden = parts === null;
  }

  async #askNeurons(sample: Sample, asked: Asked, signal: AbortSignal): Promise<void> {
    if (sample.neurons.length === 0) return;
    const props: NeuronsProps = { neurons: sample.neurons, percentiles: null, measured: null };
    if (this.source.promoted !== null) props.promoted = null;
    this.#neurons.update(props);
    const standing = await this.source.percentiles(sample, asked, signal);
    if (signal.aborted) return;
    props.percentiles = standing?.shares;
    props.measured = standing?.rows ?? null;
    this.#neurons.update(props);
    const promoted = await this.source.promoted?.(sample, asked, signal);
    if (promoted && !signal.aborted) this.#neurons.update({ ...props, promoted });
  }

  async #askTokens(sample: Sample, asked: Asked, signal: AbortSignal): Promise<void> {
    if (partsOf(sample) === null) return;
    const { tokens } = this.source;
    this.#tokens.element.hidden = true;
    this.#waiting.hidden = false;
    this.#waiting.textContent = typeof tokens === "string" ? tokens : "Running the sample once more…";
    if (typeof tokens === "string") return;
    try {
      const found = await tokens(asked, signal);
      if (found === null || signal.aborted) return;
      this.#tokens.update(found);
      this.#tokens.element.hidden = false;
      this.#waiting.hidden = true;
    } catch (error) {
      if (!signal.aborted) this.#waiting.textContent = "The tokens can't be told.";
      throw error;
    }
  }
}

function partsOf({ scored }: Sample): Parts | null {
  return scored === null || typeof scored.parts === "string" ? null : scored.parts;
}

function about(sample: Sample): (HTMLElement | string)[] {
  const facts = [h("span", {}, `${count(sample.tokens)} tokens`), h("span", {}, sample.status)];
  if (sample.scored !== null) {
    const { score } = sample.scored;
    return [h("strong", {}, Number.isNaN(score) ? "no score by this method" : `score ${signed(score)}`), ...facts];
  }
  if (sample.quarantined)
    return [...facts, h("strong", {}, `It was quarantined (${sample.status}), so it has no score.`)];
  return [...facts, h("span", { class: "nait-muted" }, "no scores were given")];
}
