/** The plugins of the JupyterLab extension. */

import type { JupyterFrontEnd, JupyterFrontEndPlugin } from "@jupyterlab/application";

const open: JupyterFrontEndPlugin<void> = {
  id: "nait-widgets:open",
  description: "Opens activation stores.",
  autoStart: true,
  activate: ({ commands }: JupyterFrontEnd) => {
    commands.addCommand("nait:open", { label: "Open Activation Store", execute: () => undefined });
  },
};

export default [open];
