/** The sidebar's content: a filter, the list, and what was looked into. */

import "./sidebar.css";
import type { Contents, ServerConnection } from "@jupyterlab/services";
import { refreshIcon } from "@jupyterlab/ui-components";
import type { CommandRegistry } from "@lumino/commands";
import { fill, h } from "../../views/dom";
import { createHost, framed, type Host } from "../../views/host";
import { type Kind, kindOfPath } from "../kinds";
import type { ISettings } from "../settings";
import { counted } from "../sizes";
import { describe, type Description } from "./describing";
import { Lazily } from "./lazily";
import { linesOf, type Section } from "./lines";
import { readingFrom } from "./reading";
import { Shelf } from "./shelf";
import { telling } from "./telling";
import { Tree } from "./tree";

export interface Surroundings {
  readonly contents: Contents.IManager;
  readonly server: ServerConnection.ISettings;
  readonly settings: ISettings;
  readonly commands: CommandRegistry;
}

/** How each kind is looked at. */
const OPENERS: Record<Kind, string> = {
  store: "nait:open",
  packed: "nait:open",
  direction: "nait:about",
  scorer: "nait:about",
  recipe: "docmanager:open",
};

/** Milliseconds after which a capture that goes on is looked at again. */
const CAPTURING = 5000;

export class SidebarPage {
  #host: Host;
  #shelf: Shelf;
  #known: Lazily<Description>;
  #tree: Tree;
  #closed = new Set<Section>();
  #modified = new Map<string, string>();
  #wanted: readonly string[] = [];
  #filter: HTMLInputElement;
  #empty = h("div", { class: "nait-sidebar-empty", hidden: true });
  #foot = h("div", { class: "nait-sidebar-foot nait-muted" });
  #wasLooking = false;

  constructor(
    root: HTMLElement,
    signal: AbortSignal,
    private readonly around: Surroundings,
  ) {
    this.#host = createHost(root, signal);
    this.#shelf = new Shelf(around.contents, around.settings, signal);
    const reading = readingFrom(around.contents, around.server);
    this.#known = new Lazily(
      (path, stop) => describe(this.#shelf.get(path)!, reading, stop),
      () => this.#tree.update(),
    );
    this.#tree = new Tree(signal, {
      known: (path) => this.#known.get(path),
      wanted: (paths) => this.#want(paths),
      open: (path) => this.#open(path),
      remove: (path) => void around.commands.execute("nait:delete", { path }),
      toggle: (section) => this.#toggle(section),
    });
    const changed = framed(signal, () => this.#show());
    this.#filter = h("input", {
      type: "search",
      placeholder: "Filter by name or folder",
      "aria-label": "Filter stores, directions and selections",
      spellcheck: "false",
      on: { input: () => this.#show(), keydown: (event) => this.#pressed(event) },
    });
    root.append(this.#head(), this.#empty, this.#tree.element, this.#foot);
    this.#shelf.changed.connect(changed);
    const timer = setInterval(() => this.#lookAtCaptures(), CAPTURING);
    signal.addEventListener("abort", () => {
      clearInterval(timer);
      this.#known.want([]);
    });
  }

  /** Whether it is in view. */
  set isShown(is: boolean) {
    this.#shelf.isWatched = is;
    if (!is) this.#want([]);
    else this.#tree.update();
  }

  /** Look for everything again, and read it again. */
  refresh(): void {
    this.#modified.clear();
    void this.#shelf.look();
  }

  focus(): void {
    if (this.#shelf.things.length > 0) this.#tree.focus();
    else this.#filter.focus();
  }

  #head(): HTMLElement {
    const refresh = h("button", {
      type: "button",
      class: "nait-quiet",
      title: "Look for stores again",
      "aria-label": "Refresh",
      on: { click: () => void this.around.commands.execute("nait:refresh") },
    });
    refreshIcon.element({ container: refresh });
    return h("div", { class: "nait-sidebar-head", role: "search" }, this.#filter, refresh);
  }

  #show(): void {
    const { things, looked, isLooking } = this.#shelf;
    this.#reread();
    this.#tree.show(linesOf(things, this.#filter.value, this.#closed));
    this.#tree.element.hidden = things.length === 0;
    this.#tree.element.setAttribute("aria-busy", String(isLooking));
    this.#empty.hidden = things.length > 0 || isLooking;
    if (!this.#empty.hidden && this.#empty.childElementCount === 0) this.#explain();
    const { current } = this.around.settings;
    if (looked === null) fill(this.#foot, isLooking ? "Looking for stores…" : "");
    else if (isLooking) fill(this.#foot, `Looking for stores… ${counted(looked.folders, "folder")} so far`);
    else
      fill(
        this.#foot,
        ...telling(looked, current).map((line) => h("p", {}, line)),
        looked.omitted.length > 0 && this.#limits(),
      );
    if (this.#wasLooking && !isLooking)
      this.#host.announce(`${things.length.toLocaleString("en")} stores, directions and selections found.`);
    this.#wasLooking = isLooking;
  }

  #explain(): void {
    const start = h(
      "button",
      {
        type: "button",
        class: "nait-primary",
        on: { click: () => void this.around.commands.execute("nait:new-curation") },
      },
      "New curation notebook",
    );
    fill(
      this.#empty,
      h("h3", {}, "No activation stores here yet"),
      h("p", {}, "A store holds what a model's neurons do on each sample of a pool of instruction data."),
      h("p", {}, "A curation notebook makes one of the demo's samples, or of yours:"),
      start,
      h("p", {}, "In a terminal:"),
      h("pre", {}, "nait capture MODEL DATA -o pool.zarr"),
      h(
        "p",
        {},
        "A store that somebody sent you, a .zarr.zip file or a .zarr folder, is listed once it lies below here.",
      ),
    );
  }

  #limits(): HTMLElement {
    const button = h(
      "button",
      {
        type: "button",
        class: "nait-quiet",
        on: { click: () => void this.around.commands.execute("settingeditor:open", { query: "nait-widgets" }) },
      },
      "Where to look, and how far",
    );
    button.hidden = !this.around.commands.hasCommand("settingeditor:open");
    return button;
  }

  #open(path: string): void {
    const command = OPENERS[kindOfPath(path) ?? "store"];
    void this.around.commands.execute(command, { path });
  }

  #pressed(event: KeyboardEvent): void {
    if (event.key === "ArrowDown") this.#tree.focus();
    else if (event.key === "Escape" && this.#filter.value !== "") {
      this.#filter.value = "";
      this.#show();
    } else return;
    event.preventDefault();
    event.stopPropagation();
  }

  #toggle(section: Section): void {
    if (!this.#closed.delete(section)) this.#closed.add(section);
    this.#show();
  }

  // What is known

  #want(paths: readonly string[]): void {
    this.#wanted = paths;
    this.#known.want(paths);
  }

  /** Ask again about what was changed since it was read. */
  #reread(): void {
    const { things } = this.#shelf;
    const changed = things.filter(({ path, modified }) => this.#modified.get(path) !== modified);
    this.#modified = new Map(things.map(({ path, modified }) => [path, modified]));
    this.#known.again(changed.map(({ path }) => path));
    if (!this.#shelf.isLooking) this.#known.keep(new Set(this.#modified.keys()));
  }

  #lookAtCaptures(): void {
    const isCapturing = (path: string): boolean => {
      const answer = this.#known.get(path);
      return answer !== undefined && "value" in answer && answer.value.progress !== null;
    };
    this.#known.again(this.#wanted.filter(isCapturing));
  }
}
