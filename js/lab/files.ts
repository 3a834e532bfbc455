/** The file types of stores and what goes with them, so that they have icons and entries in context menus. */

import type { JupyterFrontEndPlugin } from "@jupyterlab/application";
import { KIND_ICONS } from "./icons";
import { endingOf, type Kind, KINDS } from "./kinds";

const TITLES: Record<Kind, string> = {
  store: "Activation Store",
  packed: "Packed Activation Store",
  direction: "Capability Direction",
  scorer: "Scorer",
  recipe: "Selection Recipe",
};

export const files: JupyterFrontEndPlugin<void> = {
  id: "nait-widgets:files",
  description: "Knows activation stores, directions, scorers and recipes by their names.",
  autoStart: true,
  activate: ({ docRegistry }) => {
    for (const kind of KINDS)
      docRegistry.addFileType({
        name: `nait-${kind}`,
        displayName: TITLES[kind],
        extensions: [endingOf(kind)],
        icon: KIND_ICONS[kind],
        ...CONTENT[kind],
      });
  },
};

const BYTES = { contentType: "file", fileFormat: "base64", mimeTypes: ["application/octet-stream"] } as const;
const CONTENT = {
  store: { contentType: "directory", fileFormat: "json", mimeTypes: ["text/directory"] },
  packed: BYTES,
  direction: BYTES,
  scorer: BYTES,
  recipe: { contentType: "file", fileFormat: "text", mimeTypes: ["application/json"] },
} as const;
