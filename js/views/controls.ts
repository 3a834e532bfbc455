/** Small controls that several parts of a page are made of. */

import { oneLine } from "../core/text";
import { h, uniqueId } from "./dom";

/** A choice: what it stands for, and what it is called. */
export type Option = readonly [value: string, title: string];

export function button(text: string, title: string | null, press: () => void): HTMLButtonElement {
  return h("button", { type: "button", title, on: { click: press } }, text);
}

export function select(choices: readonly Option[], chosen: (value: string) => void): HTMLSelectElement {
  const element = h("select", {}, ...options(choices));
  element.addEventListener("change", () => chosen(element.value));
  return element;
}

export function options(choices: readonly Option[]): HTMLOptionElement[] {
  return choices.map(([value, title]) => h("option", { value }, oneLine(title, 60)));
}

export function labelled(text: string, control: HTMLElement, kind = ""): HTMLElement {
  control.id = uniqueId("choice");
  return h("span", { class: kind }, h("label", { for: control.id, class: "nait-muted" }, `${text} `), control);
}
