/** A new notebook to curate in: in the launcher, in menus, and for a store. */

import type { JupyterFrontEnd, JupyterFrontEndPlugin } from "@jupyterlab/application";
import { ICommandPalette, showErrorMessage } from "@jupyterlab/apputils";
import { PathExt } from "@jupyterlab/coreutils";
import { IDefaultFileBrowser } from "@jupyterlab/filebrowser";
import { ILauncher } from "@jupyterlab/launcher";
import type { Contents, KernelSpec } from "@jupyterlab/services";
import { CATEGORY } from "../category";
import { curationIcon } from "../icons";
import { folderOf, kindOfPath, nameOf } from "../kinds";
import { ITarget } from "../target";
import { type Cell, curation as cellsOf, type Given } from "./template";

const COMMAND = "nait:new-curation";

export const curation: JupyterFrontEndPlugin<void> = {
  id: "nait-widgets:curation",
  description: "Makes notebooks to curate instruction data in.",
  autoStart: true,
  requires: [ITarget],
  optional: [ILauncher, ICommandPalette, IDefaultFileBrowser],
  activate,
};

function activate(
  { commands, serviceManager }: JupyterFrontEnd,
  target: ITarget,
  launcher: ILauncher | null,
  palette: ICommandPalette | null,
  browser: IDefaultFileBrowser | null,
): void {
  const { contents, kernelspecs, serverSettings } = serviceManager;

  async function given(path: string, folder: string): Promise<Given> {
    const [{ openStore }, { readingFrom }] = await Promise.all([
      import("../../store/store"),
      import("../sidebar/reading"),
    ]);
    const reading = readingFrom(contents, serverSettings);
    const { about, scoreSets } = await openStore(await reading.store(path, new AbortController().signal), nameOf(path));
    return {
      path: PathExt.relative(folder, path),
      model: about.model,
      scores: scoreSets[0]?.name ?? null,
      isPacked: kindOfPath(path) === "packed",
    };
  }

  async function make(folder: string, store: string | null): Promise<unknown> {
    const name = await freeName(contents, folder);
    const cells = cellsOf(`${name}.zarr`, store === null ? null : await given(store, folder));
    await kernelspecs.ready;
    const path = PathExt.join(folder, `${name}.ipynb`);
    await contents.save(path, { type: "notebook", format: "json", content: notebook(cells, kernelspecs.specs) });
    return commands.execute("docmanager:open", { path, factory: "Notebook" });
  }

  commands.addCommand(COMMAND, {
    label: ({ isLauncher, isMenu }) =>
      isLauncher ? "Curate Instruction Data" : isMenu ? "Curation Notebook" : "New Curation Notebook",
    caption: "Make a notebook that chooses instruction data by the neurons that it activates",
    icon: curationIcon,
    execute: async (args) => {
      const isPlain = ["isLauncher", "isMenu", "isPalette"].some((from) => args[from] === true);
      const store = isPlain ? null : target.of(args);
      const folder = contents.localPath(
        store === null ? String(args["cwd"] ?? browser?.model.path ?? "") : folderOf(store),
      );
      try {
        return await make(folder, store);
      } catch (error) {
        const why = error instanceof Error ? error.message : String(error);
        await showErrorMessage("No notebook was made", why);
        return null;
      }
    },
  });
  launcher?.add({ command: COMMAND, category: "Other", rank: 50, args: { isLauncher: true } });
  palette?.addItem({ command: COMMAND, category: CATEGORY, args: { isPalette: true } });
}

/** A name that no notebook and no store of the folder has. */
async function freeName(contents: Contents.IManager, folder: string): Promise<string> {
  const listed = await contents.get(folder, { type: "directory", content: true });
  const taken = new Set((listed.content as Contents.IModel[]).map(({ name }) => name));
  for (let number = 1; ; number++) {
    const name = number === 1 ? "curation" : `curation-${number}`;
    if (!taken.has(`${name}.ipynb`) && !taken.has(`${name}.zarr`)) return name;
  }
}

function notebook(cells: readonly Cell[], specs: KernelSpec.ISpecModels | null): object {
  const spec = specs?.kernelspecs[specs.default];
  const metadata =
    spec?.language.toLowerCase() === "python"
      ? { kernelspec: { name: spec.name, display_name: spec.display_name, language: spec.language } }
      : {};
  const filled = cells.map((cell, i) => ({
    ...cell,
    id: `curation-${i}`,
    metadata: {},
    ...(cell.cell_type === "code" ? { outputs: [], execution_count: null } : {}),
  }));
  return { nbformat: 4, nbformat_minor: 5, metadata, cells: filled };
}
