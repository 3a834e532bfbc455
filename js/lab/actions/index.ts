/** What can be done with a store, a direction, a scorer or a recipe. */

import type { JupyterFrontEnd, JupyterFrontEndPlugin } from "@jupyterlab/application";
import { Clipboard, Dialog, Notification, showDialog, showErrorMessage } from "@jupyterlab/apputils";
import { PageConfig, PathExt } from "@jupyterlab/coreutils";
import {
  addBelowIcon,
  copyIcon,
  deleteIcon,
  fileIcon,
  infoIcon,
  type LabIcon,
  runIcon,
} from "@jupyterlab/ui-components";
import { oneLine } from "../../core/text";
import { folderOf, type Kind, kindOfPath, nameOf } from "../kinds";
import { ITarget } from "../target";
import { body, tell } from "./dialogs";
import { Notebooks } from "./notebooks";
import { cellFor } from "./python";

export const actions: JupyterFrontEndPlugin<void> = {
  id: "nait-widgets:actions",
  description: "Commands about activation stores, directions, scorers and recipes.",
  autoStart: true,
  requires: [ITarget],
  activate,
};

/** A command about one file. */
interface Action {
  readonly label: string | ((kind: Kind) => string);
  readonly caption: string;
  readonly icon: LabIcon;
  readonly kinds?: readonly Kind[];
  act(path: string, kind: Kind): Promise<void> | void;
}

const INSERTS: Record<Kind, string> = {
  store: "Insert Code That Opens It",
  packed: "Insert Code That Opens It",
  direction: "Insert Code That Loads It",
  scorer: "Insert Code That Loads It",
  recipe: "Insert Code That Repeats It",
};

function activate({ commands, serviceManager, shell }: JupyterFrontEnd, target: ITarget): void {
  const { contents, serverSettings } = serviceManager;
  const notebooks = new Notebooks(shell);
  // Whether the server keeps what it deletes; older ones don't say.
  const isTrashed = PageConfig.getOption("delete_to_trash");
  const about = async (path: string): Promise<HTMLElement[]> =>
    (await import("./facts")).facts(contents, serverSettings, path);

  function add(id: string, { label, caption, icon, kinds, act }: Action): void {
    const kind = (path: string | null): Kind | null => {
      const is = path === null ? null : kindOfPath(path);
      return is !== null && kinds !== undefined && !kinds.includes(is) ? null : is;
    };
    commands.addCommand(id, {
      label: (args) => (typeof label === "string" ? label : label(kind(target.of(args)) ?? "store")),
      caption,
      icon,
      isEnabled: (args) => kind(target.of(args)) !== null,
      execute: async (args) => {
        const path = target.of(args);
        const is = kind(path);
        if (path === null || is === null)
          throw new Error(`${id} needs the path of a store, a direction, a scorer or a recipe`);
        await act(path, is);
      },
    });
  }

  add("nait:insert-code", {
    label: (kind) => INSERTS[kind],
    caption: "Put Python code for it into a new cell of the notebook",
    icon: addBelowIcon,
    act: (path, kind) => {
      const notebook = notebooks.current;
      if (notebook === null) {
        Notification.warning("No notebook is open that the code could go into: open one, and try again.", {
          autoClose: 10_000, // without, it would only be counted
        });
        return;
      }
      const folder = folderOf(notebook.context.localPath);
      notebooks.insert(notebook, cellFor(kind, PathExt.relative(folder, contents.localPath(path))));
    },
  });

  add("nait:copy-path", {
    label: "Copy Path",
    caption: "Copy its path, from the server's root",
    icon: copyIcon,
    act: (path) => {
      Clipboard.copyToSystem(contents.localPath(path));
      Notification.info("Its path is on the clipboard.", { autoClose: 2000 });
    },
  });

  add("nait:about", {
    label: "Properties",
    caption: "Show what it is, or why it can't be read",
    icon: infoIcon,
    act: async (path) => tell(oneLine(nameOf(path), 60), ...(await about(path))),
  });

  add("nait:verify", {
    label: "Verify",
    caption: "Check every byte of the store, in a kernel of its own",
    icon: runIcon,
    kinds: ["store", "packed"],
    act: async (path) => (await import("./working")).verify(serviceManager, path),
  });

  add("nait:pack", {
    label: "Pack into One File…",
    caption: "Write the store into one file that can be sent, in a kernel of its own",
    icon: fileIcon,
    kinds: ["store"],
    act: async (path) => {
      const refresh = (): void => {
        for (const command of ["nait:refresh", "filebrowser:refresh"])
          if (commands.hasCommand(command)) void commands.execute(command);
      };
      await (await import("./working")).pack(serviceManager, path, refresh);
    },
  });

  add("nait:delete", {
    label: isTrashed === "true" ? "Move to Trash…" : "Delete…",
    caption: "Delete it, once you have confirmed it",
    icon: deleteIcon,
    act: async (path) => {
      const name = oneLine(nameOf(path), 60);
      const { button } = await showDialog({
        title: { true: "Move to trash?", false: "Delete for good?" }[isTrashed] ?? "Delete?",
        body: body(...(await about(path))),
        buttons: [
          Dialog.cancelButton(),
          Dialog.warnButton({ label: isTrashed === "true" ? "Move to Trash" : "Delete" }),
        ],
        defaultButton: 0,
      });
      if (!button.accept) return;
      try {
        await contents.delete(path);
      } catch (error) {
        await showErrorMessage(`${name} was not deleted`, error instanceof Error ? error.message : String(error));
      }
    },
  });
}
