/** The anywidget entry: which view a model shows. */

import type { AnyModel } from "@anywidget/types";
import { h } from "../views/dom";
import { createHost, type Host } from "../views/host";
import { Trouble } from "../views/trouble";
import { Kernel } from "./kernel";
import { health } from "./health";
import { inspector } from "./inspector";
import { curator } from "./curator";
import { monitor } from "./monitor";
import { overlap } from "./overlap";

/** Shows a model inside a root element until the host's signal fires. */
export type Mount = (model: AnyModel, kernel: Kernel, root: HTMLElement, host: Host) => Promise<void> | void;

const KINDS: Record<string, Mount> = { curator, health, inspector, monitor, overlap };

export default {
  render({ model, el }: { model: AnyModel; el: HTMLElement }): () => void {
    const closing = new AbortController();
    const kind = String(model.get("kind"));
    const trouble = new Trouble();
    const root = h(
      "div",
      { class: `nait nait-${kind}`, dataset: { "lm-suppress-shortcuts": "true" } },
      trouble.element,
    );
    // A notebook would take Enter from an input, which then wouldn't tell that it has changed.
    root.addEventListener("keydown", (event) => event.stopPropagation());
    el.append(root);
    const mount = KINDS[kind];
    if (mount === undefined) trouble.show(new Error(`This version of the widgets has no view for ${kind}.`));
    else {
      const host = createHost(root, closing.signal);
      const kernel = new Kernel(model, closing.signal, (sentence) => {
        if (sentence === null) trouble.clear();
        else trouble.show(new Error(sentence));
      });
      Promise.resolve(mount(model, kernel, root, host)).catch((error: unknown) => trouble.show(error));
    }
    return () => closing.abort();
  },
};
