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
  activate: (app: JupyterFrontEnd, browsers: IFileBrowserFactory | null) => ({
    of({ path }) {
      if (typeof path === "string") return path;
      const row = app.contextMenuHitTest((node) => node.dataset["path"] !== undefined);
      if (row !== undefined) return row.dataset["path"]!;
      const item = app.contextMenuHitTest((node) => node.classList.contains("jp-DirListing-item"));
      const browser = item && browsers?.tracker.find((one) => one.node.contains(item));
      const [selected, another] = browser?.selectedItems() ?? [];
      return selected !== undefined && another === undefined ? plain(app.serviceManager.contents, selected.path) : null;
    },
  }),
};

/** The drive on which people edit documents together holds the server's own files. */
function plain(contents: Contents.IManager, path: string): string {
  return contents.driveName(path) === "RTC" ? contents.localPath(path) : path;
}
