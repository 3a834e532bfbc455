/** What lies in a store and beside it: directions, scorers, and selections that can be taken up again. */

import type { Contents } from "@jupyterlab/services";
import { display } from "../../core/text";
import { Fields } from "../../store/fields";
import { parsed } from "../../store/metadata";
import { type SavedWish, savedWish } from "../../store/selections";
import type { Store } from "../../store/store";
import { fill, h } from "../../views/dom";
import type { Host, View } from "../../views/host";
import { endingOf, folderOf, kindOf, stemOf } from "../kinds";
import type { Surroundings } from "./panel";

/** A selection that was kept, in the store or beside it. */
export interface Saved extends SavedWish {
  name: string;
  /** The key of the scores that it was made from, where it says so. */
  scores: string | null;
}

const MOST_BESIDE = 200; // files of each kind; a folder may hold any number
const MOST_RECIPE = 32 * 2 ** 20; // bytes: a lasso's ids may be many

export class Companions implements View {
  readonly element = h("details", { class: "nait-store-companions", open: true });
  #summary = h("summary", {}, "Saved with it and beside it");
  #inside: HTMLElement[];
  #beside: HTMLElement[] = [];

  constructor(
    store: Store,
    private readonly around: Surroundings,
    host: Host,
    private readonly apply: (selection: Saved) => Promise<void>,
    private readonly failed: (error: unknown) => void,
  ) {
    this.#inside = [
      ...store.directions.map(({ name }) => this.#entry("direction", name, "in the store", null)),
      ...store.scorers.map(({ name }) => this.#entry("scorer", name, "in the store", null)),
      ...store.selections.map(({ key, name }) =>
        this.#entry("selection", name, "in the store", () => store.selection(key, host.signal)),
      ),
    ];
    this.#render();
    const { contents } = around;
    const folder = folderOf(around.path);
    const refresh = (_: unknown, change: Contents.IChangedArgs): void => {
      const touched = change.newValue?.path ?? change.oldValue?.path;
      if (touched !== undefined && folderOf(touched) === folder) void this.#look();
    };
    contents.fileChanged.connect(refresh);
    host.signal.addEventListener("abort", () => contents.fileChanged.disconnect(refresh));
    void this.#look();
  }

  /** List what lies in the store's folder, first what is called after the store. */
  async #look(): Promise<void> {
    const { contents, path } = this.around;
    try {
      const { content } = await contents.get(folderOf(path), { content: true });
      const files = (content as Contents.IModel[]).filter(({ type }) => type !== "directory").map(({ name }) => name);
      const own = (name: string): boolean => name.startsWith(`${stemOf(path)}.`);
      const names = [...files.filter(own), ...files.filter((name) => !own(name))];
      const of = (kind: "direction" | "scorer" | "recipe"): string[] =>
        names.filter((name) => kindOf(name, false) === kind).slice(0, MOST_BESIDE);
      this.#beside = [
        ...(["direction", "scorer"] as const).flatMap((kind) =>
          of(kind).map((name) => this.#entry(kind, name, "beside it", null)),
        ),
        ...of("recipe").map((name) => this.#entry("selection", name, "beside it", () => this.#recipe(name))),
      ];
    } catch {
      this.#beside = []; // a folder that may not be listed: what is in the store is there nevertheless
    }
    this.#render();
  }

  #render(): void {
    const all = [...this.#inside, ...this.#beside];
    this.element.hidden = all.length === 0;
    fill(this.element, this.#summary, h("ul", {}, ...all));
  }

  #entry(kind: string, name: string, where: string, take: (() => Promise<Saved>) | null): HTMLElement {
    const shown = display(name.replace(endingOf("recipe"), ""), 120).text;
    const act =
      take &&
      h(
        "button",
        {
          type: "button",
          "aria-label": `Show the selection ${shown}`,
          on: { click: () => void take().then(this.apply).catch(this.failed) },
        },
        "Show",
      );
    return h(
      "li",
      {},
      h("span", { class: "nait-muted" }, kind),
      h("bdi", {}, shown),
      h("span", { class: "nait-muted" }, where),
      act,
    );
  }

  async #recipe(name: string): Promise<Saved> {
    const { contents, path } = this.around;
    const folder = folderOf(path);
    const file = folder === "" ? name : `${folder}/${name}`;
    const { size } = await contents.get(file, { content: false });
    if ((size ?? 0) > MOST_RECIPE) throw new Error(`${name} is larger than a recipe can be.`);
    const { content } = await contents.get(file, { content: true, format: "text", type: "file" });
    return { name: name.replace(endingOf("recipe"), ""), scores: null, ...(await readRecipe(String(content), name)) };
  }
}

/** What a recipe asks for. */
async function readRecipe(text: string, name: string): Promise<SavedWish> {
  const recipe = new Fields(await parsed(new TextEncoder().encode(text), name), name);
  recipe.oneOf("format", ["nait-recipe-1"]);
  return savedWish(recipe);
}
