/** The panel of a store: what is heavy is fetched once one is opened. */

import type { Contents, ServerConnection } from "@jupyterlab/services";
import type { IStateDB } from "@jupyterlab/statedb";
import { Widget } from "@lumino/widgets";
import { Trouble } from "../../views/trouble";
import { h } from "../../views/dom";
import type { ISettings } from "../settings";

/** What a panel works with. */
export interface Surroundings {
  /** Of the store: a folder, or a packed one. */
  path: string;
  contents: Contents.IManager;
  server: ServerConnection.ISettings;
  settings: ISettings;
  /** Where choices are kept; null where there is no such place. */
  state: IStateDB | null;
}

export class StorePanel extends Widget {
  #closing = new AbortController();

  constructor(private readonly around: Surroundings) {
    super();
    this.addClass("nait-store-panel");
    // A figure's height or the colours can't change under a view: the page is made anew.
    around.settings.changed.connect(this.#show, this);
    void around.settings.ready.then(() => this.#show());
  }

  /** Of the store. */
  get path(): string {
    return this.around.path;
  }

  override dispose(): void {
    if (this.isDisposed) return;
    this.around.settings.changed.disconnect(this.#show, this);
    this.#closing.abort();
    super.dispose();
  }

  async #show(): Promise<void> {
    this.#closing.abort();
    if (this.isDisposed) return;
    const closing = new AbortController();
    this.#closing = closing;
    const trouble = new Trouble();
    const root = h("div", { class: "nait nait-store", dataset: { "lm-suppress-shortcuts": "true" } }, trouble.element);
    this.node.replaceChildren(root);
    try {
      const { showStore } = await import("./page");
      await showStore(root, closing.signal, this.around);
    } catch (error) {
      if (!closing.signal.aborted) trouble.show(error);
    }
  }
}
