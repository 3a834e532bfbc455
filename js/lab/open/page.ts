/** One store on the page: what it is, what lies in it and beside it, and the curation of one of its score sets. */

import "./page.css";
import { openStore, type Store } from "../../store/store";
import { StoreTrouble } from "../../store/trouble";
import { count } from "../../core/amounts";
import { literal } from "../../core/python";
import { fill, h } from "../../views/dom";
import { button, labelled, select } from "../../views/controls";
import { createHost, type Host } from "../../views/host";
import { Trouble } from "../../views/trouble";
import { nameOf } from "../kinds";
import { Companions, type Saved } from "./companions";
import { Curating } from "./curating";
import { filesOf } from "./files";
import type { Surroundings } from "./panel";
import { about, provenance } from "./provenance";

export async function showStore(root: HTMLElement, signal: AbortSignal, around: Surroundings): Promise<void> {
  const host = createHost(root, signal, around.settings.current);
  const place = h("div", { class: "nait-store-place" }, waiting("Reading the store's metadata…"));
  root.append(place);
  let closing = new AbortController();
  signal.addEventListener("abort", () => closing.abort());
  /** Read the store, as it is now. */
  const show = async (): Promise<void> => {
    closing.abort();
    const { signal } = (closing = new AbortController());
    try {
      const store = await openStore(await filesOf(around, signal), nameOf(around.path), signal);
      fill(place, ...new StorePage(store, { ...host, signal }, around, () => void show()).elements);
    } catch (error) {
      if (signal.aborted) return;
      fill(
        place,
        explanation(error, around.path, () => void show()),
      );
      host.announce("The store can't be opened.");
    }
  };
  await show();
}

function waiting(text: string): HTMLElement {
  return h("p", { class: "nait-muted", role: "status" }, text);
}

/** What is wrong with a store, and what to do about it. */
function explanation(error: unknown, path: string, again: () => void): HTMLElement {
  const [what, mend] =
    error instanceof StoreTrouble
      ? [error.what, error.mend]
      : [
          error instanceof Error ? error.message : String(error),
          "Try again; if it stays, look at the browser's console.",
        ];
  return h(
    "section",
    { class: "nait-store-explanation", role: "alert" },
    h("h2", {}, "This store can't be opened"),
    h("p", {}, h("bdi", {}, path)),
    h("p", {}, what),
    h("p", {}, mend),
    h("button", { type: "button", on: { click: again } }, "Try again"),
  );
}

class StorePage {
  readonly elements: HTMLElement[];
  #trouble = new Trouble();
  #curating = h("div", { class: "nait-store-curating" });
  #companions: Companions;
  #chosen: HTMLSelectElement;
  /** What ends with the score set that is shown. */
  #closing = new AbortController();
  #shown: Curating | null = null;

  constructor(
    private readonly store: Store,
    private readonly host: Host,
    private readonly around: Surroundings,
    again: () => void,
  ) {
    host.signal.addEventListener("abort", () => this.#closing.abort());
    this.#companions = new Companions(
      store,
      around,
      host,
      (selection) => this.#apply(selection),
      (error) => this.#trouble.show(error),
    );
    const sets = store.scoreSets;
    this.#chosen = select(
      sets.map(({ key, name }) => [key, name]),
      (key) => void this.#show(key),
    );
    this.elements = [
      h(
        "header",
        { class: "nait-store-head" },
        h("h2", {}, h("bdi", {}, store.name)),
        h("span", { class: "nait-muted" }, about(store)),
        sets.length > 1 && labelled("Scores", this.#chosen),
        button("Reload", "Read the store again, as it is now", again),
      ),
      provenance(store),
      this.#companions.element,
      this.#trouble.element,
      this.#curating,
    ];
    if (!store.about.complete) void this.#explainProgress();
    else if (sets.length > 0) void this.#show(sets[0]!.key);
    else this.#explainScores();
  }

  async #show(key: string): Promise<void> {
    this.#closing.abort();
    const closing = (this.#closing = new AbortController());
    this.#trouble.clear();
    this.#shown = null;
    this.#chosen.value = key;
    fill(this.#curating, waiting("Reading the scores…"));
    try {
      const shown = await Curating.open(this.store, key, this.around, { ...this.host, signal: closing.signal });
      if (closing.signal.aborted) return;
      this.#shown = shown;
      fill(this.#curating, ...shown.elements);
    } catch (error) {
      if (closing.signal.aborted) return;
      fill(this.#curating);
      this.#trouble.show(error);
    }
  }

  /** Take up a saved selection; the score set that it was made with is shown for it. */
  async #apply(selection: Saved): Promise<void> {
    this.#trouble.clear();
    if (selection.scores !== null && selection.scores !== this.#shown?.key) await this.#show(selection.scores);
    await this.#shown?.apply(selection);
  }

  async #explainProgress(): Promise<void> {
    fill(this.#curating, waiting("Counting the rows that are captured…"));
    try {
      const { done, total } = await this.store.progress(this.host.signal);
      fill(
        this.#curating,
        h("p", {}, `The capture has not finished: ${count(done)} of ${count(total)} rows are there.`),
        h("progress", { max: total, value: done, "aria-label": "Capture" }),
        h("p", {}, "Run its nait capture command again to go on where it stopped; scores can then be saved in it."),
      );
    } catch (error) {
      this.#trouble.show(error);
    }
  }

  #explainScores(): void {
    const code = [
      "import nait_widgets as nait",
      "",
      `store = nait.open_store(${literal(this.store.name)})`,
      'math = nait.Direction.load("math.direction")',
      'store.save_scores(nait.score(store, [math]), "math")',
    ];
    fill(
      this.#curating,
      h("p", {}, "No scores are saved in this store, so there is nothing to choose by. In a notebook:"),
      h("pre", { tabindex: 0 }, code.join("\n")),
    );
  }
}
