/** One line of the sidebar's list. */

import { ellipsesIcon } from "@jupyterlab/ui-components";
import { oneLine } from "../../core/text";
import { StoreTrouble } from "../../store/trouble";
import { fill, h } from "../../views/dom";
import { KIND_ICONS } from "../icons";
import type { Description } from "./describing";
import type { Answer } from "./lazily";
import { type Heading, isHeading, type Item, type Line } from "./lines";

/** Longer names are cut: nobody reads them, and a browser takes its time to lay them out. */
const LONGEST = 200;

/** How each state begins for those who hear it. */
const SAID = { waiting: "not read yet", broken: "can't be read: ", capturing: "", ready: "" };
type State = keyof typeof SAID;

export class Row {
  readonly element: HTMLElement;
  #shown: { line: string; answer: Answer<Description> } | null = null;
  /** What is told of an item; beside it stands the button, which stays, and its focus with it, when more is known. */
  #told: HTMLElement | null = null;

  /** @param menu opens the context menu at an element of the row */
  constructor(
    readonly key: string,
    private readonly menu: (at: Element) => void,
  ) {
    this.element = h("div", { role: "treeitem", class: "nait-sidebar-row", tabindex: -1 });
  }

  place(top: number, height: number): void {
    this.element.style.transform = `translateY(${top}px)`;
    this.element.style.height = `${height}px`;
  }

  show(line: Line, answer: Answer<Description>): void {
    const shown = { line: JSON.stringify(line), answer };
    if (this.#shown?.line === shown.line && this.#shown.answer === answer) return;
    this.#shown = shown;
    if (isHeading(line)) this.#showHeading(line);
    else this.#showItem(line, answer);
  }

  #showHeading({ key, title, all, shown, isOpen }: Heading): void {
    const count =
      shown === all ? all.toLocaleString("en") : `${shown.toLocaleString("en")} of ${all.toLocaleString("en")}`;
    this.element.classList.add("nait-sidebar-heading");
    this.element.dataset["section"] = key;
    this.#tell({ "aria-level": 1, "aria-expanded": isOpen, "aria-label": `${title}, ${count}` });
    this.element.replaceChildren(
      h("span", { class: "nait-sidebar-twisty", "aria-hidden": "true" }),
      h("span", {}, title),
      h("span", { class: "nait-muted" }, count),
    );
  }

  #showItem({ found, name, folder, position, of }: Item, answer: Answer<Description>): void {
    const [shownName, shownFolder] = [oneLine(name, LONGEST), oneLine(folder, LONGEST)];
    const { state, text, progress } = stateOf(answer, name);
    const { dataset } = this.element;
    [dataset["kind"], dataset["path"], dataset["state"]] = [found.kind, found.path, state];
    this.element.title = [found.path, ...(state === "waiting" ? [] : [text])]
      .map((line) => oneLine(line, 400))
      .join("\n");
    const place = folder === "" ? "" : ` in ${shownFolder}`;
    this.#tell({
      "aria-level": 2,
      "aria-posinset": position,
      "aria-setsize": of,
      "aria-label": `${shownName}${place}, ${SAID[state]}${state === "waiting" ? "" : text}`,
    });
    const icon = h("span", { class: "nait-sidebar-icon", "aria-hidden": "true" });
    KIND_ICONS[found.kind].element({ container: icon });
    if (this.#told === null) {
      this.#told = h("span", { class: "nait-sidebar-told" });
      this.element.replaceChildren(this.#told, this.#more(shownName));
    }
    fill(
      this.#told,
      icon,
      h(
        "span",
        { class: "nait-sidebar-text" },
        h(
          "span",
          { class: "nait-sidebar-name" },
          h("bdi", {}, shownName),
          " ",
          h("bdi", { class: "nait-muted" }, shownFolder),
        ),
        h("span", { class: "nait-sidebar-facts" }, h("bdi", {}, text)),
        progress !== null && h("span", { class: "nait-sidebar-progress", style: `--nait-done: ${100 * progress}%` }),
      ),
    );
  }

  #more(name: string): HTMLElement {
    const button = h("button", {
      type: "button",
      class: "nait-quiet nait-sidebar-more",
      tabindex: this.element.getAttribute("tabindex"),
      title: "More actions",
      "aria-label": `More actions for ${name}`,
      "aria-haspopup": "menu",
      on: {
        click: (event) => {
          event.stopPropagation();
          this.menu(button);
        },
        dblclick: (event) => event.stopPropagation(),
      },
    });
    ellipsesIcon.element({ container: button });
    return button;
  }

  /** Be the line that the tab key leads to, or not. */
  set isActive(is: boolean) {
    this.#tell({ tabindex: is ? 0 : -1, "aria-selected": is });
    this.element.querySelector("button")?.setAttribute("tabindex", is ? "0" : "-1");
  }

  #tell(attributes: Record<string, string | number | boolean>): void {
    for (const [name, value] of Object.entries(attributes)) this.element.setAttribute(name, String(value));
  }
}

function stateOf(answer: Answer<Description>, name: string): { state: State; text: string; progress: number | null } {
  if (answer === undefined) return { state: "waiting", text: "…", progress: null };
  if ("failure" in answer) return { state: "broken", text: oneLine(whyOf(answer.failure, name), 400), progress: null };
  const { facts, progress } = answer.value;
  const about = facts.map((fact) => oneLine(fact, LONGEST));
  if (progress === null) return { state: "ready", text: about.join(" · "), progress };
  return { state: "capturing", text: [`capturing, ${Math.floor(progress * 100)} %`, ...about].join(" · "), progress };
}

/** What is wrong, in words, but for the name, which stands above; how it is mended is told where there is room. */
function whyOf(failure: unknown, name: string): string {
  const why =
    failure instanceof StoreTrouble ? failure.what : failure instanceof Error ? failure.message : String(failure);
  return [`${name} is `, `${name} `].reduce(
    (text, start) => (text.startsWith(start) ? text.slice(start.length) : text),
    why,
  );
}
