/** Export in one click: format, columns, order and path; progress; what was written. */

import { count } from "../core/amounts";
import { button, labelled } from "./controls";
import { fill, h } from "./dom";
import type { Host, View } from "./host";
import { Trouble } from "./trouble";

export interface ExportWish {
  path: string;
  columns: string[];
  order: string;
  replace: boolean;
}

/** What was written, or the files that are there already and would be replaced. */
export type Exported = { rows: number; files: { path: string; bytes: number }[] } | { exists: string[] };

/** How rows leave a page: what it is called, in which formats, and what else there is to do with them. */
export interface Exporting {
  action: string;
  formats: readonly (readonly [suffix: string, title: string])[];
  /** Columns that may be added to the rows. */
  columns: readonly string[];
  extras?: readonly HTMLElement[];
}

/** A path's end that says a folder, whatever dots there are in its name. */
const FOLDER = "/";

/** What a kernel writes. */
export const KERNEL_FORMATS: Exporting["formats"] = [
  [".jsonl", "JSONL"],
  [".json", "JSON"],
  [".parquet", "Parquet"],
  [".csv", "CSV"],
  [".tsv", "TSV"],
  [FOLDER, "datasets folder"],
];

export interface ExporterHandlers {
  export(wish: ExportWish, progress: (done: number, total: number) => void): Promise<Exported>;
  code(): Promise<string>;
}

export const KERNEL_COLUMNS = ["score", "rank", "reason"];

const CONTROL = "nait-exporter-control";

export class Exporter implements View {
  readonly element: HTMLElement;
  #path = h("input", { type: "text", class: "nait-exporter-path", spellcheck: "false" });
  #format: HTMLSelectElement;
  #order = h(
    "select",
    {},
    h("option", { value: "source" }, "as in the source"),
    h("option", { value: "rank" }, "best first"),
  );
  #columns: HTMLInputElement[];
  #export: HTMLButtonElement;
  #outcome = h("div", { class: "nait-exporter-outcome" });
  #trouble = new Trouble();

  constructor(
    private readonly host: Host,
    { action, formats, columns, extras = [] }: Exporting,
    private readonly handlers: ExporterHandlers,
  ) {
    const { signal } = host;
    const suffixOf = (path: string): string =>
      formats.map(([suffix]) => suffix).find((suffix) => path.endsWith(suffix)) ?? "";
    this.#format = h("select", {}, ...formats.map(([suffix, title]) => h("option", { value: suffix }, title)));
    this.#columns = columns.map((name) => h("input", { type: "checkbox", value: name, checked: name !== "reason" }));
    this.#export = h("button", { type: "button", class: "nait-primary" }, action);
    this.#export.addEventListener("click", () => void this.#run(false), { signal });
    this.#format.addEventListener(
      "change",
      () => {
        const { value: path } = this.#path;
        this.#path.value = path.slice(0, path.length - suffixOf(path).length) + this.#format.value;
      },
      { signal },
    );
    this.#path.addEventListener("change", () => (this.#format.value = suffixOf(this.#path.value) || FOLDER), {
      signal,
    });
    const code = button("Copy as Python", null, () => void this.#code());
    this.element = h(
      "section",
      { class: "nait-panel nait-exporter" },
      h("header", {}, h("h3", {}, action)),
      h(
        "div",
        { class: "nait-exporter-row" },
        labelled("To", this.#path, CONTROL),
        formats.length > 1 && labelled("Format", this.#format, CONTROL),
        labelled("Order", this.#order, CONTROL),
        h(
          "span",
          { role: "group", "aria-label": "Columns to add" },
          "add ",
          ...this.#columns.map((box) => h("label", {}, box, ` ${box.value} `)),
        ),
        this.#export,
        code,
        ...extras,
      ),
      this.#trouble.element,
      this.#outcome,
    );
  }

  /** Where to write, as long as nobody has said otherwise. */
  setPath(path: string): void {
    this.#path.value = path;
  }

  async #run(replace: boolean): Promise<void> {
    const bar = h("progress", { max: 1, value: 0, "aria-label": "Export" });
    fill(this.#outcome, bar);
    this.#trouble.clear();
    this.#export.disabled = true;
    try {
      const columns = this.#columns.filter((box) => box.checked).map((box) => box.value);
      const wish = { path: this.#path.value, columns, order: this.#order.value, replace };
      const exported = await this.handlers.export(wish, (done, total) => (bar.value = total > 0 ? done / total : 0));
      if ("exists" in exported) this.#offerToReplace(exported.exists);
      else this.#tell(exported.rows, exported.files);
    } catch (error) {
      this.#failed(error);
    } finally {
      this.#export.disabled = false;
    }
  }

  #offerToReplace(paths: string[]): void {
    const [one, more] = [paths[0]!, paths.length - 1];
    const rest = more === 0 ? " is there already." : ` and ${more} more that go with it are there already.`;
    const act = more === 0 ? "Replace it" : "Replace them";
    const replace = button(act, null, () => void this.#run(true));
    fill(this.#outcome, h("span", { title: paths.join("\n") }, h("bdi", {}, one), `${rest} `), replace);
    replace.focus();
    this.host.announce(`${one}${rest}`);
  }

  #tell(rows: number, files: { path: string; bytes: number }[]): void {
    const summary = `Written: ${count(rows)} rows`;
    fill(
      this.#outcome,
      h("span", {}, summary),
      h(
        "ul",
        {},
        ...files.map(({ path, bytes }) =>
          h("li", {}, h("bdi", {}, path), h("span", { class: "nait-muted" }, ` ${bytesOf(bytes)}`)),
        ),
      ),
    );
    this.host.announce(summary);
  }

  async #code(): Promise<void> {
    this.#trouble.clear();
    try {
      const code = await this.handlers.code();
      // Not every page may write to the clipboard; the code is shown at any rate.
      const copied = await navigator.clipboard?.writeText(code).then(
        () => true,
        () => false,
      );
      fill(
        this.#outcome,
        h("span", {}, copied ? "Copied:" : "Python code of this selection:"),
        h("pre", { tabindex: 0 }, code),
      );
      this.host.announce(copied ? "Python code copied" : "Python code shown");
    } catch (error) {
      this.#failed(error);
    }
  }

  #failed(error: unknown): void {
    fill(this.#outcome);
    this.#trouble.show(error);
  }
}

function bytesOf(n: number): string {
  const units = ["B", "KB", "MB", "GB"];
  const power = Math.min(units.length - 1, n > 0 ? Math.floor(Math.log10(n) / 3) : 0);
  return `${power === 0 ? n : (n / 1000 ** power).toFixed(1)} ${units[power]}`;
}
