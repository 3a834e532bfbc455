/** The plugins of the JupyterLab extension. */

import { files } from "./files";
import { open } from "./open";
import { settings } from "./settings";
import { target } from "./target";

export default [settings, files, target, open];
