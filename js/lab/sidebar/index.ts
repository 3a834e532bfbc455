/** The sidebar that lists the stores, directions and selections below the server's root. */

import { ILayoutRestorer, type JupyterFrontEnd, type JupyterFrontEndPlugin } from "@jupyterlab/application";
import { ICommandPalette } from "@jupyterlab/apputils";
import { refreshIcon } from "@jupyterlab/ui-components";
import type { Message } from "@lumino/messaging";
import { Widget } from "@lumino/widgets";
import { h } from "../../views/dom";
import { Trouble } from "../../views/trouble";
import { CATEGORY } from "../category";
import { storesIcon } from "../icons";
import { ISettings } from "../settings";
import type { SidebarPage, Surroundings } from "./page";

const ID = "nait-sidebar";
const RANK = 600;

export const sidebar: JupyterFrontEndPlugin<void> = {
  id: "nait-widgets:sidebar",
  description: "Lists activation stores, directions and selections in a sidebar.",
  autoStart: true,
  requires: [ISettings],
  optional: [ILayoutRestorer, ICommandPalette],
  activate,
};

function activate(
  { commands, serviceManager, shell }: JupyterFrontEnd,
  settings: ISettings,
  restorer: ILayoutRestorer | null,
  palette: ICommandPalette | null,
): void {
  const { contents, serverSettings } = serviceManager;
  const widget = new Sidebar({ contents, server: serverSettings, settings, commands });
  shell.add(widget, "left", { rank: RANK });
  restorer?.add(widget, ID);

  commands.addCommand("nait:show", {
    label: "Show Activation Stores",
    caption: "Show the activation stores, directions and selections below the server's root",
    icon: storesIcon,
    execute: () => shell.activateById(ID),
  });
  commands.addCommand("nait:refresh", {
    label: "Refresh Activation Stores",
    caption: "Look for stores, directions and selections again",
    icon: refreshIcon,
    execute: () => widget.refresh(),
  });
  for (const command of ["nait:show", "nait:refresh"]) palette?.addItem({ command, category: CATEGORY });
}

/** A place at the side, filled when it is looked at for the first time. */
class Sidebar extends Widget {
  #closing = new AbortController();
  #page: Promise<SidebarPage | null> | null = null;

  constructor(private readonly around: Surroundings) {
    super();
    this.id = ID;
    this.addClass("nait-sidebar");
    this.title.icon = storesIcon;
    this.title.caption = "Activation Stores";
    this.node.setAttribute("role", "region");
    this.node.setAttribute("aria-label", "Activation stores");
  }

  override dispose(): void {
    this.#closing.abort();
    super.dispose();
  }

  refresh(): void {
    void this.#page?.then((page) => page?.refresh());
  }

  protected override onAfterShow(_: Message): void {
    this.#page ??= this.#load();
    void this.#page.then((page) => page && (page.isShown = this.isVisible));
  }

  protected override onAfterHide(_: Message): void {
    void this.#page?.then((page) => page && (page.isShown = this.isVisible));
  }

  protected override onActivateRequest(_: Message): void {
    void this.#page?.then((page) => page?.focus());
  }

  async #load(): Promise<SidebarPage | null> {
    const trouble = new Trouble();
    const root = h("div", { class: "nait" }, trouble.element);
    this.node.append(root);
    try {
      const { SidebarPage } = await import("./page");
      return new SidebarPage(root, this.#closing.signal, this.around);
    } catch (error) {
      trouble.show(error);
      return null;
    }
  }
}
