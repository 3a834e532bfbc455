/** The plugins of the JupyterLab extension. */

import { actions } from "./actions";
import { curation } from "./curation";
import { files } from "./files";
import { open } from "./open";
import { settings } from "./settings";
import { sidebar } from "./sidebar";
import { target } from "./target";

export default [settings, files, target, open, sidebar, actions, curation];
