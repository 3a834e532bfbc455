/** A titled part of a page: heading, buttons that save its figure, a sentence about it, its view. */

import { h } from "./dom";
import { saveButtons, type Figure } from "./figure";
import type { View } from "./host";

/** A titled part. */
export interface Section extends View {
  title(text: string): void;
}

export interface Panel extends Section {
  about(text: string): void;
  show(): void;
  hide(): void;
}

/** A titled part without a figure to save. */
export function section(heading: string, ...parts: HTMLElement[]): Section {
  const title = h("h3", {}, heading);
  const element = h("section", { class: "nait-panel", "aria-label": heading }, h("header", {}, title), ...parts);
  return {
    element,
    title(text) {
      title.textContent = text;
      element.setAttribute("aria-label", text);
    },
  };
}

/** A panel, hidden until it is shown; its figure is saved under the name given. */
export function panel(heading: string, name: string, figure: () => Figure, ...parts: View[]): Panel {
  const about = h("p", { class: "nait-muted nait-panel-about" });
  const { element, title } = section(heading, about, ...parts.map((part) => part.element));
  element.querySelector("header")!.append(saveButtons(name, figure));
  element.hidden = true;
  return {
    element,
    title,
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
