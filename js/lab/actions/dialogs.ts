/** Dialogs of text: whatever is in it stays text. */

import { Dialog, showDialog } from "@jupyterlab/apputils";
import { Widget } from "@lumino/widgets";
import { h } from "../../views/dom";

type Content = readonly (HTMLElement | false)[];

/** Say something that has to be read. */
export async function tell(title: string, ...content: Content): Promise<void> {
  await showDialog({ title, body: body(...content), buttons: [Dialog.okButton({ label: "Close" })] });
}

/** The content of a dialog. */
export function body(...content: Content): Widget {
  return new Widget({ node: h("div", { class: "nait-dialog" }, ...content) });
}
