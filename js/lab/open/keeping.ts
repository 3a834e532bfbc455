/** Keeping what is chosen as a recipe beside the store, where others and Python find it. */

import { InputDialog, showDialog, Dialog } from "@jupyterlab/apputils";
import type { Contents } from "@jupyterlab/services";
import { button } from "../../views/controls";
import { endingOf, folderOf, nameOf, stemOf } from "../kinds";
import type { Surroundings } from "./panel";
import type { StoreSource } from "./store_source";

/** A button that asks for a name and saves the recipe. */
export function keepButton(source: StoreSource, around: Surroundings, failed: (error: unknown) => void): HTMLElement {
  const title = "Keep what is chosen as a recipe in the store's folder";
  return button("Save selection…", title, () => void keep(source, around).catch(failed));
}

async function keep(source: StoreSource, { path, contents }: Surroundings): Promise<void> {
  const { value } = await InputDialog.getText({
    title: "Save the selection",
    label: "What it is called",
    text: `${stemOf(path)}.selection`,
    okLabel: "Save",
  });
  const name = value?.trim().replace(/[/\\]/g, "-");
  if (!name) return;
  const folder = folderOf(path);
  const file = `${folder === "" ? "" : `${folder}/`}${name.replace(/\.recipe\.json$/, "")}${endingOf("recipe")}`;
  const { content: beside } = await contents.get(folder, { content: true });
  const taken = (beside as Contents.IModel[]).some(({ name }) => name === nameOf(file));
  if (taken && !(await mayReplace(nameOf(file)))) return;
  const content = `${JSON.stringify(await source.recipe(), null, 2)}\n`;
  await contents.save(file, { type: "file", format: "text", content });
}

async function mayReplace(name: string): Promise<boolean> {
  const { button: pressed } = await showDialog({
    title: "Replace the selection?",
    body: `${name} is there already.`,
    buttons: [Dialog.cancelButton(), Dialog.warnButton({ label: "Replace" })],
  });
  return pressed.accept;
}
