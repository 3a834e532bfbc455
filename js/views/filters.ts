/** The filters: text, token length, label columns; and what to do with the rows that they leave. */

import { count } from "../core/amounts";
import type { Labels } from "../core/curation";
import { oneLine } from "../core/text";
import { letThrough, tokenBound, type Filters as Wanted } from "../core/wish";
import { fill, h, uniqueId } from "./dom";
import type { Host, View } from "./host";

export interface FiltersProps {
  filters: Wanted;
  /** Rows that a lasso has caught; null where none is drawn. */
  lasso: number | null;
  labels: readonly Pick<Labels, "name" | "values">[];
  /** For each label column, rows of each value that the other filters leave. */
  counts: Uint32Array[];
  shown: number;
  n: number;
  /** Rows by hand. */
  pinned: number;
  excluded: number;
  /** Whether there is text to search in. */
  text: boolean;
  searching: boolean;
  tokens: { low: number; high: number };
}

export interface FiltersHandlers {
  /** Some of the filters are other ones than before. */
  filters(change: Partial<Wanted>): void;
  clearLasso(): void;
  clearAll(): void;
  pinShown(): void;
  excludeShown(): void;
  /** Show the rows that were pinned or excluded first. */
  showByHand(): void;
}

const LONGEST = 80; // characters of a label

export class Filters implements View {
  readonly element: HTMLElement;
  #search = h("input", { type: "search", placeholder: "in prompt or response", class: "nait-filters-search" });
  #searching = h("span", { class: "nait-muted" });
  #fewest = h("input", {
    type: "number",
    min: 0,
    step: 1,
    class: "nait-filters-tokens",
    "aria-label": "Fewest tokens",
  });
  #most = h("input", { type: "number", min: 0, step: 1, class: "nait-filters-tokens", "aria-label": "Most tokens" });
  #narrow = h("input", { type: "checkbox" });
  #labels = h("div", { class: "nait-filters-labels" });
  #summary = h("span", { class: "nait-muted" });
  #lasso = h("button", { type: "button" });
  #clear = h("button", { type: "button" }, "Clear filters");
  #pin = h("button", { type: "button" });
  #exclude = h("button", { type: "button" });
  #byHand = h("button", { type: "button", title: "Show them first in the table" });
  #props: FiltersProps | null = null;
  #drawn: FiltersProps | null = null;

  constructor(
    host: Host,
    private readonly handlers: FiltersHandlers,
  ) {
    const { signal } = host;
    const tokens = (): void => {
      const [fewest, most] = [this.#fewest.valueAsNumber, this.#most.valueAsNumber];
      handlers.filters({ tokens: [tokenBound(fewest, "fewest"), tokenBound(most, "most")] });
    };
    this.#fewest.addEventListener("change", tokens, { signal });
    this.#most.addEventListener("change", tokens, { signal });
    this.#narrow.addEventListener("change", () => handlers.filters({ narrow: this.#narrow.checked }), { signal });
    let typed = 0;
    const search = (): void => {
      clearTimeout(typed);
      handlers.filters({ text: this.#search.value });
    };
    this.#search.addEventListener("change", search, { signal });
    this.#search.addEventListener(
      "input",
      () => {
        clearTimeout(typed);
        typed = window.setTimeout(search, 350);
      },
      { signal },
    );
    signal.addEventListener("abort", () => clearTimeout(typed));
    const press = (button: HTMLElement, action: () => void): void =>
      button.addEventListener("click", action, { signal });
    press(this.#lasso, () => handlers.clearLasso());
    press(this.#clear, () => handlers.clearAll());
    press(this.#pin, () => handlers.pinShown());
    press(this.#exclude, () => handlers.excludeShown());
    press(this.#byHand, () => handlers.showByHand());
    const searchId = uniqueId("search");
    this.#search.id = searchId;
    this.element = h(
      "section",
      { class: "nait-panel nait-filters" },
      h("header", {}, h("h3", {}, "Filters"), this.#summary),
      h(
        "div",
        { class: "nait-filters-row" },
        h("label", { for: searchId }, "Text"),
        this.#search,
        this.#searching,
        h("span", { class: "nait-filters-range" }, "Tokens", this.#fewest, "to", this.#most),
        this.#lasso,
      ),
      this.#labels,
      h(
        "div",
        { class: "nait-filters-row" },
        h("label", {}, this.#narrow, " choose only among what is shown"),
        this.#pin,
        this.#exclude,
        this.#clear,
        this.#byHand,
      ),
    );
  }

  update(props: FiltersProps): void {
    this.#props = props;
    const { filters, lasso, shown, n, tokens } = props;
    if (!this.#search.matches(":focus") && !props.searching) this.#search.value = filters.text;
    this.#search.disabled = !props.text;
    if (!props.text) this.#search.placeholder = "the store holds no text";
    this.#searching.textContent = props.searching ? "searching…" : "";
    for (const [input, i, hint] of [
      [this.#fewest, 0, tokens.low],
      [this.#most, 1, tokens.high],
    ] as const) {
      if (!input.matches(":focus")) input.value = filters.tokens[i] === null ? "" : String(filters.tokens[i]);
      input.placeholder = String(hint);
    }
    this.#narrow.checked = filters.narrow;
    const all = shown === n;
    this.#summary.textContent = all ? `all ${count(n)} rows` : `${count(shown)} of ${count(n)} rows shown`;
    this.#lasso.hidden = lasso === null;
    if (lasso !== null) this.#lasso.textContent = `✕ lasso (${count(lasso)} rows)`;
    this.#clear.hidden = this.#pin.hidden = this.#exclude.hidden = all;
    this.#byHand.hidden = props.pinned + props.excluded === 0;
    this.#byHand.textContent = `By hand: ${count(props.pinned)} pinned, ${count(props.excluded)} excluded`;
    this.#pin.textContent = `Pin the ${count(shown)} shown`;
    this.#exclude.textContent = `Exclude the ${count(shown)} shown`;
    this.#pin.disabled = this.#exclude.disabled = shown === 0;
    if (
      this.#drawn?.labels !== props.labels ||
      this.#drawn.filters !== filters ||
      this.#drawn.counts !== props.counts
    ) {
      this.#drawn = props;
      this.#drawLabels(props);
    }
  }

  #drawLabels({ labels, counts, filters }: FiltersProps): void {
    const focused = this.#labels.querySelector<HTMLElement>(":focus")?.dataset.key;
    fill(
      this.#labels,
      ...labels.map(({ name, values }, column) => {
        const wanted = letThrough(filters, name);
        const chips = values.map((value, i) =>
          h(
            "button",
            {
              type: "button",
              class: "nait-filters-chip",
              "aria-pressed": String(wanted?.includes(value) ?? false),
              dataset: { key: JSON.stringify([name, value]) },
              on: { click: () => this.#toggle(name, value) },
            },
            h("bdi", {}, oneLine(value, LONGEST)),
            " ",
            h("small", {}, count(counts[column]?.[i] ?? 0)),
          ),
        );
        const group = h(
          "div",
          { class: "nait-filters-row", role: "group", "aria-label": name },
          h("bdi", {}, oneLine(name, LONGEST)),
          ...chips,
        );
        return group;
      }),
    );
    if (focused !== undefined) {
      this.#labels
        .querySelectorAll<HTMLElement>("button")
        .forEach((chip) => chip.dataset.key === focused && chip.focus());
    }
  }

  #toggle(name: string, value: string): void {
    const { filters } = this.#props!;
    const before = letThrough(filters, name) ?? [];
    const after = before.includes(value) ? before.filter((other) => other !== value) : [...before, value];
    const labels = { ...filters.labels, [name]: after };
    if (after.length === 0) delete labels[name];
    this.#props = { ...this.#props!, filters: { ...filters, labels } }; // another may come before this one is drawn
    this.handlers.filters({ labels });
  }
}
