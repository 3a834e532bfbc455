/**
 * The notebook that a person works in.
 *
 * It is known by what it has, since the package of JupyterLab's notebooks is too large to build against for this.
 */

import type { JupyterFrontEnd } from "@jupyterlab/application";
import { DocumentWidget } from "@jupyterlab/docregistry";
import type { Widget } from "@lumino/widgets";

interface NotebookPanel extends DocumentWidget {
  readonly content: Widget & { activeCellIndex: number };
}

/** What is used of a notebook's shared model. */
interface SharedNotebook {
  insertCell(index: number, cell: { cell_type: string; source: string; metadata: object }): unknown;
}

export class Notebooks {
  #last: NotebookPanel | null = null;

  constructor(private readonly shell: JupyterFrontEnd.IShell) {
    shell.currentChanged?.connect((_, { newValue }) => {
      if (isNotebook(newValue)) this.#last = newValue;
    });
  }

  /** The one in front, else the one that was last, else the only one. */
  get current(): NotebookPanel | null {
    const { currentWidget } = this.shell;
    if (isNotebook(currentWidget)) return currentWidget;
    if (this.#last !== null && !this.#last.isDisposed) return this.#last;
    const all = [...this.shell.widgets("main")].filter(isNotebook);
    return all.length === 1 ? all[0]! : null;
  }

  /** Put code into a new cell below the active one, and go there. */
  insert(panel: NotebookPanel, source: string): void {
    const { content, context } = panel;
    const at = content.activeCellIndex + 1;
    const notebook = context.model.sharedModel as unknown as SharedNotebook;
    notebook.insertCell(at, { cell_type: "code", source, metadata: { trusted: true } });
    content.activeCellIndex = at;
    this.shell.activateById(panel.id);
  }
}

function isNotebook(widget: Widget | null): widget is NotebookPanel {
  return widget instanceof DocumentWidget && typeof widget.content.activeCellIndex === "number";
}
