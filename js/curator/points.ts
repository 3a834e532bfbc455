/** The map of a pool that the page holds whole: a point a row, and the choices of where it stands and its colour. */

import { type Option, labelled, options, select } from "../views/controls";
import { fill, h } from "../views/dom";
import type { Host } from "../views/host";
import { Scatter, type ScatterData } from "../views/scatter";
import type { Audience, CuratorMap, MapHandlers } from "./curated";
import type { CuratorPicture } from "./picture";
import type { Opened, Source } from "./source";

const MAPS: Record<string, string> = { pca: "PCA", umap: "UMAP", tsne: "t-SNE" };

const COLOURS: readonly Option[] = [
  ["selection", "selection"],
  ["score", "score"],
];

export class PointMap implements CuratorMap {
  readonly element: HTMLElement;
  readonly large = true;
  #scatter: Scatter;
  #mapBy: HTMLSelectElement;
  #colourBy: HTMLSelectElement;
  #coloursFor: unknown = null;
  #nowhere: ScatterData;
  #map: { data: ScatterData; axes: string } | null = null;

  constructor(
    private readonly picture: CuratorPicture,
    private readonly source: Source,
    { maps }: Opened,
    host: Host,
    handlers: MapHandlers,
    private readonly audience: Pick<Audience, "changed" | "failed">,
  ) {
    const unplaced = new Float32Array(picture.n).fill(NaN);
    this.#nowhere = { x: unplaced, y: unplaced };
    this.#scatter = new Scatter(host, handlers);
    this.#mapBy = select(
      maps.map((method) => [method, MAPS[method] ?? method]),
      () => void this.#load(),
    );
    this.#colourBy = select(COLOURS, (value) => {
      picture.colour(value);
      audience.changed();
    });
    this.element = h(
      "div",
      { class: "nait-curator-side" },
      h(
        "div",
        { class: "nait-curator-choices" },
        maps.length > 1 && labelled("Map by", this.#mapBy),
        labelled("Colour by", this.#colourBy),
      ),
      this.#scatter.element,
    );
    void this.#load();
  }

  update(current: number | null): void {
    const { curation } = this.picture;
    if (this.#coloursFor !== curation.labels) {
      this.#coloursFor = curation.labels;
      const labels = curation.labels.map(({ name }) => [`label ${name}`, name] as const);
      fill(this.#colourBy, ...options([...COLOURS, ...labels]));
      this.#colourBy.value = this.picture.colourBy;
    }
    this.#scatter.update({
      data: this.#map?.data ?? this.#nowhere,
      state: curation.marks,
      shown: curation.shown,
      color: this.picture.colours(),
      current,
      lassoed: this.picture.state.lasso !== null,
      axes: this.#map?.axes ?? null,
    });
  }

  async #load(): Promise<void> {
    this.#mapBy.disabled = true;
    try {
      this.#map = await this.source.map(this.#mapBy.value);
    } catch (error) {
      this.audience.failed(error);
    }
    this.#mapBy.disabled = false;
    this.audience.changed();
  }
}
