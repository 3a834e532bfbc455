/** A packed store as a document. Nothing of it is loaded, saved or copied by JupyterLab. */

import { ABCWidgetFactory, DocumentModel, type DocumentRegistry, DocumentWidget } from "@jupyterlab/docregistry";
import { KIND_ICONS } from "../icons";
import type { StorePanel } from "./panel";

export const FACTORY = "Activation Store";
const MODEL = "nait-packed";

/** Without a format, JupyterLab leaves the file's bytes where they are. */
export class ModelFactory implements DocumentRegistry.CodeModelFactory {
  readonly name = MODEL;
  readonly contentType = "file";
  readonly fileFormat = null;
  readonly collaborative = false;
  isDisposed = false;

  dispose(): void {
    this.isDisposed = true;
  }

  createNew(): DocumentModel {
    return new StoreModel();
  }

  preferredLanguage(): string {
    return "";
  }
}

/** JupyterLab copies a whole document into a checkpoint as it opens, unless others are said to keep it. */
class StoreModel extends DocumentModel {
  override get collaborative(): boolean {
    return true;
  }
}

export class ViewFactory extends ABCWidgetFactory<DocumentWidget<StorePanel>> {
  constructor(private readonly makePanel: (path: string) => StorePanel) {
    super({ name: FACTORY, modelName: MODEL, fileTypes: ["nait-packed"], defaultFor: ["nait-packed"], readOnly: true });
  }

  protected override createNewWidget(context: DocumentRegistry.Context): DocumentWidget<StorePanel> {
    const widget = new DocumentWidget({ content: this.makePanel(context.path), context });
    widget.title.icon = KIND_ICONS.packed;
    widget.toolbar.hide();
    return widget;
  }
}
