/** Packing and verifying a store: a notification tells how it goes, and can stop it. */

import { Dialog, Notification, showDialog } from "@jupyterlab/apputils";
import type { ServiceManager } from "@jupyterlab/services";
import { oneLine } from "../../core/text";
import { h } from "../../views/dom";
import { folderOf, nameOf } from "../kinds";
import { counted, sized } from "../sizes";
import { body, tell } from "./dialogs";
import { inKernel, KernelTrouble, type Message } from "./kernel";
import { type Task, work } from "./python";

/** Milliseconds that a result stays in view. */
const READ = 10_000;

/** Check every byte of a store; what is wrong is listed in a dialog. */
export async function verify(services: ServiceManager.IManager, path: string): Promise<void> {
  const name = nameOf(path);
  const answer = await watched(services, path, "Verifying", { task: "verify", name });
  if (answer === null) return;
  const { count, problems, cautions, rows } = answer;
  const shown = oneLine(name, 60);
  const list = (sentences: unknown): HTMLElement =>
    h("ul", {}, ...(sentences as string[]).map((sentence) => h("li", {}, oneLine(sentence, 1000))));
  if (count === 0 && (cautions as string[]).length > 0) {
    await tell(`${shown} is sound, but not all of it can be used here`, list(cautions));
    return;
  }
  if (count === 0) {
    Notification.success(`${shown} is sound: ${counted(Number(rows), "row")} checked.`, { autoClose: READ });
    return;
  }
  const more = Number(count) - (problems as string[]).length;
  await tell(
    `${shown} has ${counted(Number(count), "problem")}`,
    list(problems),
    more > 0 && h("p", {}, `and ${counted(more, "other")}`),
    h("p", {}, "Capture it again, which mends the blocks that are damaged, or get it again from where it came."),
  );
}

/** Write a store into one file beside it. */
export async function pack(services: ServiceManager.IManager, path: string, done: () => void): Promise<void> {
  const name = nameOf(path);
  const options = await askHow(services, path);
  if (options === null) return;
  const answer = await watched(services, path, "Packing", { task: "pack", name, ...options });
  if (answer === null) return;
  const { packed, bytes } = answer;
  Notification.success(`Packed: ${oneLine(String(packed), 60)}, ${sized(Number(bytes))}.`, { autoClose: READ });
  done();
}

/** Whether the text goes along, and what is there is replaced; null where a person would rather not. */
async function askHow(
  { contents }: ServiceManager.IManager,
  path: string,
): Promise<{ text: boolean; overwrite: boolean } | null> {
  const packed = `${nameOf(path)}.zip`;
  const folder = await contents.get(folderOf(path), { type: "directory", content: true });
  const overwrite = (folder.content as { name: string }[]).some(({ name }) => name === packed);
  const { button, isChecked } = await showDialog({
    title: overwrite ? "Replace the packed store?" : "Pack the store?",
    body: body(
      h("p", {}, "It is written into one file beside it, ", h("bdi", {}, oneLine(packed, 200)), "."),
      overwrite && h("p", {}, "A file of that name is there already, and is replaced."),
    ),
    checkbox: {
      label: "Leave the samples' text out",
      caption: "No prompt and no response goes along; ids, lengths and activations do",
      checked: false,
    },
    buttons: [Dialog.cancelButton(), Dialog.okButton({ label: overwrite ? "Replace" : "Pack" })],
  });
  return button.accept ? { text: isChecked !== true, overwrite } : null;
}

/** Do a task; null where it failed or was stopped, which has been told then. */
async function watched(
  services: ServiceManager.IManager,
  path: string,
  doing: "Packing" | "Verifying",
  task: Task,
): Promise<Message | null> {
  const what = `${doing} ${oneLine(task.name, 60)}`;
  const stopping = new AbortController();
  const cancel = { label: "Cancel", caption: "Shut the kernel down", callback: () => stopping.abort() };
  const going: { autoClose: false; actions: Notification.IAction[] } = { autoClose: false, actions: [cancel] };
  const id = Notification.emit(`${what}…`, "in-progress", going);
  let answer: Message = {};
  try {
    const told = (message: Message): void => {
      answer = message;
      const { done, total } = message;
      if (typeof done !== "number" || typeof total !== "number" || total === 0) return;
      Notification.update({ id, message: `${what}…`, type: "in-progress", ...going, progress: done / total });
    };
    const name = `nait-${task.task}`;
    await inKernel(services, { folder: folderOf(path), name, code: work(task) }, told, stopping.signal);
    refuse(answer);
    return answer;
  } catch (error) {
    if (stopping.signal.aborted) Notification.info(`${what} was stopped.`, { autoClose: READ });
    else explain(what, error);
    return null;
  } finally {
    Notification.dismiss(id);
  }
}

function refuse({ missing, python, error }: Message): void {
  if (typeof error === "string") throw new KernelTrouble(error);
  if (missing !== undefined) {
    const how = `Install it there: ${String(python)} -m pip install nait-widgets`;
    throw new KernelTrouble(`The default Python kernel has no ${String(missing)}. ${how}`);
  }
}

/** A notification has room for a sentence; the rest is in a dialog. */
function explain(what: string, error: unknown): void {
  const message = error instanceof Error ? error.message : String(error);
  const trace = error instanceof KernelTrouble ? error.trace : null;
  const details = (): void => void tell(`${what} failed`, h("p", {}, message), trace !== null && h("pre", {}, trace));
  Notification.error(`${what} failed: ${oneLine(message, 90)}`, {
    autoClose: false,
    actions: [{ label: "Details", callback: details }],
  });
}
