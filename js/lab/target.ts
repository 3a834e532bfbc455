/** Which file a command is about: the one it is given, or the one whose context menu is open. */

import type { JupyterFrontEnd, JupyterFrontEndPlugin } from "@jupyterlab/application";
import { IFileBrowserFactory } from "@jupyterlab/filebrowser";
import type { Contents } from "@jupyterlab/services";
import { type ReadonlyPartialJSONObject, Token } from "@lumino/coreutils";

export interface ITarget {
  /** Its path, as the contents manager takes it; null where there is none, or more than one. */
  of(args: ReadonlyPartialJSONObject): string | null;
}

export const ITarget = new Token<ITarget>("nait-widgets:ITarget", "Which file a command is about");

export const target: JupyterFrontEndPlugin<ITarget> = {
  id: "nait-widgets:target",
  description: "Tells commands which file they are about.",
  autoStart: true,
  optional: [IFileBrowserFactory],
  provides: ITarget,
  activate: (app: JupyterFrontEnd, browsers: IFileBrowserFactory | null) => new Target(app, browsers),
};

class Target implements ITarget {
  /** Where a menu was asked for last, and the path of the line there: the line may be drawn anew under its menu. */
  #asked: { at: HTMLElement | null; path: string | null } = { at: null, path: null };

  constructor(
    private readonly app: JupyterFrontEnd,
    private readonly browsers: IFileBrowserFactory | null,
  ) {
    const asked = ({ target }: MouseEvent): void => {
      const at = elementOf(target);
      this.#asked = { at, path: at?.closest<HTMLElement>("[data-path]")?.dataset["path"] ?? null };
    };
    document.addEventListener("contextmenu", asked, { capture: true });
  }

  of({ path }: ReadonlyPartialJSONObject): string | null {
    if (typeof path === "string") return path;
    const at = this.app.contextMenuHitTest(() => true);
    if (at === undefined) return null;
    if (at === this.#asked.at && this.#asked.path !== null) return this.#asked.path;
    const item = at.closest(".jp-DirListing-item");
    const browser = item && this.browsers?.tracker.find(({ node }) => node.contains(item));
    const [selected, another] = browser?.selectedItems() ?? [];
    const isOne = selected !== undefined && another === undefined;
    return isOne ? plain(this.app.serviceManager.contents, selected.path) : null;
  }
}

/** The element that JupyterLab begins at: an icon's drawing is none to it. */
function elementOf(target: EventTarget | null): HTMLElement | null {
  let node = target instanceof Node ? target : null;
  while (node !== null && !(node instanceof HTMLElement)) node = node.parentNode;
  return node;
}

/** The drive on which people edit documents together holds the server's own files. */
function plain(contents: Contents.IManager, path: string): string {
  return contents.driveName(path) === "RTC" ? contents.localPath(path) : path;
}
