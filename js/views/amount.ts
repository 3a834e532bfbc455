/** How much is chosen, by which end of the scores, and how several directions share it. */

import { count, typed } from "../core/amounts";
import { size as rowsIn } from "../core/arithmetic";
import {
  type Adjust,
  ADJUSTMENTS,
  ENDS,
  type End,
  MERGES,
  type Merge,
  SEEDS,
  type Size,
  weightOf,
  type Wish,
} from "../core/wish";
import { h, uniqueId } from "./dom";
import type { Host, View } from "./host";

export interface AmountProps {
  wish: Wish;
  directions: string[];
  /** Rows that a fraction is of, and how many of them are chosen by their scores. */
  candidates: number;
  chosen: number;
  /** The score at the cut; null where no score decides. */
  cut: number | null;
  /** A wish by a number of rows instead of a threshold: with about as many as are chosen now. */
  inRows(wish: Wish): Wish;
}

export interface AmountHandlers {
  /** A control is moved; `done` when it is let go. */
  wish(wish: Wish, done: boolean): void;
}

/** The paper keeps 10 to 30 %. */
const PRESETS = [0.01, 0.05, 0.1, 0.2, 0.3];

const MERGE_TITLES: Record<Merge, string> = {
  union: "each direction's own best",
  "round-robin": "in turns",
  "mean-z": "highest mean",
  max: "highest in any",
};

const ADJUST_TITLES: Record<Adjust, string> = {
  none: "as it is in the scores",
  "length-residual": "taken out of the scores",
  "length-strata": "compared among rows of like length",
};

const ADJUST_HELP =
  "Long rows may score high, or low, for their length alone. Taken out: what the rank of the length explains by a " +
  "straight line is subtracted from each score. Compared: a score is a row's place, from 0 to 1, in the tenth of the " +
  "rows that are about as long.";

export class Amount implements View {
  readonly element: HTMLElement;
  #fraction = h("input", { type: "range", min: 0.001, max: 1, step: 0.001, "aria-label": "Fraction" });
  #percent = h("output", { class: "nait-amount-percent" });
  #k = h("input", { type: "number", min: 1, step: 1, class: "nait-amount-number" });
  #threshold = h("input", { type: "number", step: "any", class: "nait-amount-number" });
  #presets: HTMLButtonElement[];
  #ends: HTMLButtonElement[];
  #again = h("button", { type: "button", class: "nait-quiet", title: "Draw other random rows" }, "draw again");
  #merge = h("select", {}, ...MERGES.map((merge) => h("option", { value: merge }, MERGE_TITLES[merge])));
  #adjust = h(
    "select",
    { title: ADJUST_HELP },
    ...ADJUSTMENTS.map((adjust) => h("option", { value: adjust }, ADJUST_TITLES[adjust])),
  );
  #several: HTMLElement;
  #weights: HTMLElement;
  #sliders: HTMLInputElement[] = [];
  #props: AmountProps | null = null;

  constructor(
    host: Host,
    private readonly handlers: AmountHandlers,
  ) {
    const { signal } = host;
    const size = (of: () => Size | null) => (event: Event) => {
      const wanted = of();
      if (wanted !== null) this.#ask({ size: wanted }, event.type === "change");
    };
    const fraction = size(() => ({ fraction: Number(this.#fraction.value) }));
    this.#fraction.addEventListener("input", fraction, { signal });
    this.#fraction.addEventListener("change", fraction, { signal });
    const whole = size(() => {
      const k = Math.min(Math.round(this.#k.valueAsNumber), this.#props!.candidates);
      return k >= 1 ? { k } : null;
    });
    this.#k.addEventListener("change", whole, { signal });
    const limit = size(() =>
      Number.isNaN(this.#threshold.valueAsNumber) ? null : { threshold: this.#threshold.valueAsNumber },
    );
    this.#threshold.addEventListener("change", limit, { signal });
    this.#presets = PRESETS.map((preset) =>
      h(
        "button",
        { type: "button", on: { click: () => this.#ask({ size: { fraction: preset } }, true) } },
        `${preset * 100} %`,
      ),
    );
    this.#ends = ENDS.map((end) =>
      h("button", { type: "button", on: { click: () => this.#ask(endOf(end, this.#props!), true) } }, end),
    );
    this.#again.addEventListener("click", () => this.#ask({ seed: (this.#props!.wish.seed + 1) % SEEDS }, true), {
      signal,
    });
    this.#merge.addEventListener("change", () => this.#ask(mergeOf(this.#merge.value as Merge, this.#props!), true), {
      signal,
    });
    this.#adjust.addEventListener(
      "change",
      () => this.#ask(adjustOf(this.#adjust.value as Adjust, this.#props!), true),
      { signal },
    );
    this.#weights = h("div", { class: "nait-amount-weights" });
    this.#several = h("div", { class: "nait-amount-several" }, row("Merge", this.#merge), this.#weights);
    this.element = h(
      "section",
      { class: "nait-panel nait-amount" },
      h("header", {}, h("h3", {}, "How much")),
      h("div", { class: "nait-amount-row" }, this.#fraction, this.#percent),
      h("div", { class: "nait-amount-row", role: "group", "aria-label": "Presets" }, ...this.#presets),
      h("div", { class: "nait-amount-row" }, row("Rows", this.#k), row("Score from", this.#threshold)),
      h(
        "div",
        { class: "nait-amount-row", role: "group", "aria-label": "Which end of the scores" },
        ...this.#ends,
        this.#again,
      ),
      h("div", { class: "nait-amount-row" }, row("Length", this.#adjust)),
      this.#several,
    );
  }

  update(props: AmountProps): void {
    this.#props = props;
    const { wish, candidates, chosen, cut, directions } = props;
    const { size } = wish;
    // Under a union a fraction or a number of rows is each direction's own.
    const own = directions.length > 1 && wish.merge === "union" && wish.end !== "random" && !("threshold" in size);
    let k = "k" in size ? size.k : chosen;
    if (own && "fraction" in size) k = rowsIn(size.fraction, candidates);
    const fraction = "fraction" in size ? size.fraction : Math.min(k, candidates) / Math.max(1, candidates);
    const percent = `${(100 * fraction).toFixed(1)} %${own ? " each" : ""}`;
    set(this.#fraction, String(fraction));
    this.#fraction.setAttribute("aria-valuetext", `${percent}, ${count(chosen)} rows`);
    this.#percent.textContent = percent;
    this.#k.max = String(candidates);
    set(this.#k, String(k));
    this.#k.parentElement!.firstChild!.textContent = own ? "Rows each" : "Rows";
    const threshold = "threshold" in size ? size.threshold : cut;
    set(this.#threshold, threshold === null ? "" : "threshold" in size ? String(threshold) : typed(threshold));
    this.#threshold.disabled = wish.end === "random" || (wish.merge === "round-robin" && directions.length > 1);
    this.#threshold.parentElement!.firstChild!.textContent = wish.end === "bottom" ? "Score up to" : "Score from";
    this.#presets.forEach((button, i) => press(button, "fraction" in size && size.fraction === PRESETS[i]));
    this.#ends.forEach((button, i) => press(button, wish.end === ENDS[i]));
    this.#again.hidden = wish.end !== "random";
    this.#several.hidden = directions.length < 2;
    this.#adjust.value = wish.adjust;
    this.#merge.value = wish.merge;
    this.#updateWeights(directions, wish);
  }

  #updateWeights(directions: string[], wish: Wish): void {
    if (directions.length < 2) return;
    if (this.#sliders.length !== directions.length) {
      this.#sliders = directions.map((name) => {
        const slider = h("input", { type: "range", min: 0, max: 2, step: 0.05 });
        for (const kind of ["input", "change"] as const) {
          slider.addEventListener(kind, () => {
            const weights = { ...this.#props!.wish.weights, [name]: Number(slider.value) };
            // The last one stays: with no direction nothing could be chosen.
            if (directions.some((other) => weightOf({ weights }, other) > 0)) this.#ask({ weights }, kind === "change");
            else this.update(this.#props!);
          });
        }
        this.#weights.append(row(name, slider, h("output", {})));
        return slider;
      });
    }
    this.#sliders.forEach((slider, i) => {
      const weight = weightOf(wish, directions[i]!);
      set(slider, String(weight));
      slider.nextElementSibling!.textContent = weight === 0 ? "left out" : `× ${Number(weight.toFixed(2))}`;
    });
  }

  #ask(change: Partial<Wish>, done: boolean): void {
    const wish = { ...this.#props!.wish, ...change };
    this.#props = { ...this.#props!, wish }; // another change may come before this one is drawn
    this.handlers.wish(wish, done);
  }
}

/** The changes that come with choosing an end: random rows have no threshold, and the two ends none in common. */
function endOf(end: End, { wish, inRows }: AmountProps): Partial<Wish> {
  return "threshold" in wish.size ? inRows({ ...wish, end }) : { end };
}

/** The changes that come with a merge: a threshold means something else under each. */
function mergeOf(merge: Merge, { wish, inRows }: AmountProps): Partial<Wish> {
  return "threshold" in wish.size ? inRows({ ...wish, merge }) : { merge };
}

/** The changes that come with an adjustment: a threshold means something else under each. */
function adjustOf(adjust: Adjust, { wish, inRows }: AmountProps): Partial<Wish> {
  return "threshold" in wish.size ? inRows({ ...wish, adjust }) : { adjust };
}

function row(label: string, control: HTMLElement, ...after: HTMLElement[]): HTMLElement {
  const id = uniqueId("control");
  control.id = id;
  return h("span", { class: "nait-amount-control" }, h("label", { for: id }, label), control, ...after);
}

/** Show a value, unless the person is typing another. */
function set(input: HTMLInputElement, value: string): void {
  const typing = input.type === "number" && input.matches(":focus");
  if (!typing && input.value !== value) input.value = value;
}

function press(button: HTMLButtonElement, pressed: boolean): void {
  button.setAttribute("aria-pressed", String(pressed));
}
