/** What stands where the map would be, for a pool that has too many rows for one. */

import { count } from "../core/amounts";
import { labelled, options, select } from "../views/controls";
import { fill, h } from "../views/dom";
import type { Audience, CuratorMap } from "./curated";
import type { LargePicture } from "./large";

export class NoMap implements CuratorMap {
  readonly element: HTMLElement;
  readonly large = false;
  #label: HTMLSelectElement;
  #choice: HTMLElement;
  #labels: unknown = null;

  constructor(
    private readonly picture: LargePicture,
    audience: Pick<Audience, "changed">,
  ) {
    this.#label = select([], (name) => {
      picture.show(name);
      audience.changed();
    });
    this.#choice = labelled("Label", this.#label);
    this.element = h(
      "div",
      { class: "nait-panel nait-curator-large" },
      h(
        "p",
        { class: "nait-muted" },
        `${count(picture.n)} rows are more than a page can hold, so the kernel counts and sorts them, and there is no ` +
          "map and no lasso here. To have both, look at part of the rows: a store of some of them is made by ",
        h("code", {}, "nait.subset"),
        ".",
      ),
      this.#choice,
    );
  }

  update(): void {
    const { labels } = this.picture;
    if (this.#labels === labels) return;
    this.#labels = labels;
    fill(this.#label, ...options(labels.map(({ name }) => [name, name])));
    this.#label.value = this.picture.shownLabel()?.name ?? "";
    this.#choice.hidden = labels.length < 2;
  }
}
