/** A titled part of a page: heading, buttons that save its figure, a sentence about it, its view. */

import { h } from "./dom";
import { saveButtons, type Figure } from "./figure";
import type { View } from "./host";

export interface Panel extends View {
  title(text: string): void;
  about(text: string): void;
  show(): void;
  hide(): void;
}

/** A panel, hidden until it is shown; its figure is saved under the name given. */
export function panel(heading: string, name: string, figure: () => Figure, ...parts: View[]): Panel {
  const title = h("h3", {}, heading);
  const about = h("p", { class: "nait-muted nait-panel-about" });
  const element = h(
    "section",
    { class: "nait-panel", hidden: true, "aria-label": heading },
    h("header", {}, title, saveButtons(name, figure)),
    about,
    ...parts.map((part) => part.element),
  );
  return {
    element,
    title(text) {
      title.textContent = text;
      element.setAttribute("aria-label", text);
    },
    about(text) {
      about.textContent = text;
    },
    show() {
      element.hidden = false;
    },
    hide() {
      element.hidden = true;
    },
  };
}
