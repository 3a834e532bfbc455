/** The overlap widget: its parts, what each asks of the kernel, and how a choice in one leads to the next. */

import type { AnyModel } from "@anywidget/types";
import { signed } from "../core/amounts";
import type { Cell } from "../core/grid";
import { h } from "../views/dom";
import { Heatmap, type HeatmapProps } from "../views/heatmap";
import type { Host } from "../views/host";
import { Neuron, type NeuronProps } from "../views/neuron";
import { Trouble } from "../views/trouble";
import { attempt, Newest } from "../views/asking";
import type { Kernel } from "./kernel";
import { OverlapRows } from "./overlap_rows";
import { panel, type Panel } from "../views/panel";

interface Sets {
  names: string[];
  layers: number[];
  pairs: [number, number][];
  /** How many neurons a layer stand for a set, and how far two sets of so many agree by chance. */
  k: number;
  chance: number;
}

export async function overlap(model: AnyModel, kernel: Kernel, root: HTMLElement, host: Host): Promise<void> {
  const widget = new OverlapWidget(model, kernel, host);
  root.append(widget.element);
  await widget.open();
}

class OverlapWidget {
  readonly element: HTMLElement;
  readonly #trouble = new Trouble();
  readonly #layers: Heatmap;
  readonly #shared: Heatmap;
  readonly #neuron: Neuron;
  readonly #transfer: Heatmap;
  readonly #rows: OverlapRows;
  readonly #panels: Record<"layers" | "shared" | "neuron" | "transfer", Panel>;
  readonly #newest = new Newest();
  #sets: Sets | null = null;
  #layersProps: HeatmapProps | null = null;
  #sharedProps: HeatmapProps | null = null;
  #transferProps: HeatmapProps | null = null;
  #layer = 0;

  constructor(
    model: AnyModel,
    private readonly kernel: Kernel,
    private readonly host: Host,
  ) {
    const tried = (open: (cell: Cell) => Promise<void>) => (cell: Cell) =>
      void attempt(this.#trouble, () => open.call(this, cell));
    this.#layers = new Heatmap(host, "Shared neurons by pair of sets and layer", tried(this.#openLayer));
    this.#shared = new Heatmap(host, "Neurons that most sets share", tried(this.#openNeuron));
    this.#neuron = new Neuron(host);
    this.#transfer = new Heatmap(host, "Transfer between sets", (cell) => this.#chooseTransfer(cell));
    this.#rows = new OverlapRows(model, kernel, host, this.#trouble);
    this.#panels = {
      layers: panel("Neurons that the sets share", "nait-shared-neurons", () => this.#layers.figure, this.#layers),
      shared: panel("Shared neurons", "nait-layer", () => this.#shared.figure, this.#shared),
      neuron: panel("Neuron", "nait-neuron", () => this.#neuron.figure, this.#neuron),
      transfer: panel("Transfer", "nait-transfer", () => this.#transfer.figure, this.#transfer),
    };
    const { layers, shared, neuron, transfer } = this.#panels;
    const column = (...parts: HTMLElement[]): HTMLElement => h("div", { class: "nait-overlap-column" }, ...parts);
    this.element = h(
      "div",
      {},
      this.#trouble.element,
      h(
        "div",
        { class: "nait-overlap-columns" },
        column(layers.element, this.#rows.element, transfer.element),
        column(shared.element, neuron.element),
      ),
    );
  }

  /** Ask for everything that is shown before anybody chooses. */
  async open(): Promise<void> {
    await Promise.all([this.#openLayers(), this.#rows.open(), this.#openTransfer()]);
  }

  async #openLayers(): Promise<void> {
    const { body, arrays } = await this.kernel.ask<Sets>("overlap", {}, { timeout: null });
    const jaccard = arrays["jaccard"]!;
    const highest = Math.max(...jaccard);
    this.#sets = body;
    this.#layersProps = {
      rows: body.pairs.map(([a, b]) => `${body.names[a]} ∩ ${body.names[b]}`),
      columns: body.layers.map(String),
      values: jaccard,
      scale: "sequential",
      domain: [0, Math.max(0.1, Math.ceil(10 * highest) / 10)],
      columnName: "layer",
      valueName: "Jaccard",
    };
    this.#panels.layers.about(
      `Jaccard index of the top ${body.k} neurons of a layer; by chance ${body.chance.toFixed(2)}. ` +
        "Choose a layer to see which neurons they are.",
    );
    this.#panels.layers.show();
    const at = jaccard.indexOf(highest);
    await this.#openLayer({ row: Math.floor(at / body.layers.length), column: at % body.layers.length });
  }

  async #openLayer(cell: Cell): Promise<void> {
    const { names, layers, pairs, k } = this.#sets!;
    this.#layer = layers[cell.column]!;
    this.#layersProps = { ...this.#layersProps!, chosen: cell };
    this.#layers.update(this.#layersProps);
    const pair = pairs[cell.row]!.map((set) => names[set]!);
    const { body, arrays } = await this.kernel.ask<{ neurons: number[]; both: number }>(
      "shared",
      { layer: this.#layer, pair },
      { signal: this.#newest.signal(), timeout: null },
    );
    this.#sharedProps = {
      rows: body.neurons.map(String),
      columns: names,
      values: arrays["strength"]!,
      scale: "sequential",
      domain: [0, 1],
      columnName: "set",
      valueName: "strength",
    };
    const both = `${pair.join(" and ")} share ${body.both} of their top ${k}`;
    this.#panels.shared.title(`Layer ${this.#layer}: shared neurons`);
    this.#panels.shared.about(
      `${both}; these come first, then those that most sets share. Strength is a share of the set's strongest ` +
        "neuron in this layer; – where a neuron is not among the set's top. Choose one to see what fires it.",
    );
    this.#panels.shared.show();
    this.#panels.neuron.hide();
    this.#shared.update(this.#sharedProps);
    this.host.announce(`Layer ${this.#layer}: ${both}`);
  }

  async #openNeuron(cell: Cell): Promise<void> {
    this.#sharedProps = { ...this.#sharedProps!, chosen: cell };
    this.#shared.update(this.#sharedProps);
    const neuron = Number(this.#sharedProps.rows[cell.row]);
    const { body, arrays } = await this.kernel.ask<Omit<NeuronProps, "edges" | "counts">>(
      "neuron",
      { layer: this.#layer, neuron },
      { signal: this.#newest.signal(), timeout: 120 },
    );
    this.#panels.neuron.title(`Neuron ${body.neuron} of layer ${body.layer}`);
    this.#panels.neuron.about(
      `Values (${body.pool}) over the pool and in each set: lines from percentile 10 to 90, dots at the mean.`,
    );
    this.#panels.neuron.show();
    this.#neuron.update({ ...body, edges: arrays["edges"]!, counts: arrays["counts"]! });
    this.host.announce(`Neuron ${body.neuron}: ${body.samples.length} samples that fire it most`);
  }

  async #openTransfer(): Promise<void> {
    const { body, arrays } = await this.kernel.ask<{ rows: string[]; columns: string[] } | null>(
      "transfer",
      {},
      { timeout: null },
    );
    if (body === null) return;
    const values = arrays["z"]!;
    const most = Math.max(0.5, ...Array.from(values, Math.abs));
    this.#transferProps = {
      ...body,
      values,
      scale: "diverging",
      domain: [-most, most],
      columnName: "direction",
      valueName: "mean z",
    };
    this.#panels.transfer.about("How each set's rows score under each direction: 0 is the pool's own mean.");
    this.#panels.transfer.show();
    this.#transfer.update(this.#transferProps);
  }

  #chooseTransfer(cell: Cell): void {
    const props = { ...this.#transferProps!, chosen: cell };
    const value = props.values[cell.row * props.columns.length + cell.column] ?? NaN;
    this.#transferProps = props;
    this.#transfer.update(props);
    const sentence =
      `The rows of ${props.rows[cell.row]} score ${signed(value)} standard deviations from the pool's mean ` +
      `under ${props.columns[cell.column]}.`;
    this.#panels.transfer.about(sentence);
    this.host.announce(sentence);
  }
}
