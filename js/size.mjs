// What is built has limits: what every widget that a notebook saves carries with it, and what every start of JupyterLab fetches.
import { readdirSync, readFileSync, statSync } from "node:fs";
import { basename } from "node:path";
import { createContext, runInContext } from "node:vm";

const kib = (bytes) => `${(bytes / 1024).toFixed(1)} KiB`;

/** Whether these files together keep within `limit` bytes. */
function gate(what, folder, names, limit) {
  const total = names.reduce((sum, name) => sum + statSync(new URL(name, folder)).size, 0);
  console.log(`${what}: ${names.join(", ")}: ${kib(total)} of ${kib(limit)}`);
  return total <= limit;
}

/** The files that JupyterLab fetches to have the plugins and their styles: the entry, run here, asks for the others. */
async function fetchedAtStart(folder) {
  const entry = readdirSync(folder).find((name) => name.startsWith("remoteEntry."));
  const names = [entry];
  const document = {
    currentScript: { tagName: "SCRIPT", src: "http://lab/" + entry },
    createElement: () => ({ setAttribute() {} }),
    getElementsByTagName: () => [],
    head: { appendChild: ({ src }) => names.push(basename(new URL(src).pathname)) },
  };
  const page = createContext({ document, setTimeout: () => 0, console });
  page.self = page.window = page;
  runInContext(readFileSync(new URL(entry, folder), "utf-8"), page);
  const extension = page._JUPYTERLAB["nait-widgets"];
  await extension.init({});
  extension.get("./extension");
  extension.get("./style");
  return [...new Set(names)];
}

const widget = new URL("../nait_widgets/widgets/static/", import.meta.url);
const lab = new URL("../nait_widgets/labextension/static/", import.meta.url);
const kept = [
  gate("widgets", widget, ["widget.js", "widget.css"], 300 * 1024),
  gate("JupyterLab's start", lab, await fetchedAtStart(lab), 64 * 1024),
];
process.exit(kept.every(Boolean) ? 0 : 1);
