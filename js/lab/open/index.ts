/** Opening activation stores, which no kernel stands behind. */

import { ILayoutRestorer, type JupyterFrontEnd, type JupyterFrontEndPlugin } from "@jupyterlab/application";
import { ICommandPalette, InputDialog, MainAreaWidget, WidgetTracker } from "@jupyterlab/apputils";
import type { DocumentRegistry, IDocumentWidget } from "@jupyterlab/docregistry";
import { ILauncher } from "@jupyterlab/launcher";
import { IStateDB } from "@jupyterlab/statedb";
import { TabPanel } from "@lumino/widgets";
import { CATEGORY } from "../category";
import { KIND_ICONS, storesIcon } from "../icons";
import { kindOf, nameOf } from "../kinds";
import { ISettings } from "../settings";
import { ITarget } from "../target";
import { FACTORY, ModelFactory, ViewFactory } from "./document";
import { StorePanel } from "./panel";

const COMMAND = "nait:open";
/** The parameter of an address that opens a store. */
const PARAMETER = "nait-store";

export const open: JupyterFrontEndPlugin<void> = {
  id: "nait-widgets:open",
  description: "Opens activation stores without a kernel.",
  autoStart: true,
  requires: [ISettings, ITarget],
  optional: [ILayoutRestorer, ICommandPalette, ILauncher, IStateDB],
  activate,
};

function activate(
  app: JupyterFrontEnd,
  settings: ISettings,
  target: ITarget,
  restorer: ILayoutRestorer | null,
  palette: ICommandPalette | null,
  launcher: ILauncher | null,
  state: IStateDB | null,
): void {
  const { commands, docRegistry, serviceManager, shell } = app;
  const { contents } = serviceManager;
  const makePanel = (path: string): StorePanel =>
    new StorePanel({ path, contents, server: serviceManager.serverSettings, settings, state });
  const folders = new WidgetTracker<MainAreaWidget<StorePanel>>({ namespace: "nait-stores" });
  const packed = new WidgetTracker<IDocumentWidget<StorePanel>>({ namespace: "nait-packed-stores" });
  const views = new ViewFactory(makePanel);
  views.widgetCreated.connect((_, widget) => {
    widget.context.pathChanged.connect(() => void packed.save(widget));
    void packed.add(widget);
  });
  docRegistry.addModelFactory(new ModelFactory());
  // A class of JupyterLab's own that differs from its interface in how a property may be missing.
  docRegistry.addWidgetFactory(views as DocumentRegistry.WidgetFactory);
  void restorer?.restore(folders, {
    command: COMMAND,
    args: ({ content }) => ({ path: content.path }),
    name: ({ content }) => content.path,
  });
  void restorer?.restore(packed, {
    command: "docmanager:open",
    args: ({ context }) => ({ path: context.path, factory: FACTORY }),
    name: ({ context }) => context.path,
  });

  /** Open a store, or go to where it is open. A folder is no document: JupyterLab can't rename or save it. */
  async function show(path: string): Promise<void> {
    if (kindOf(nameOf(path), false) === "packed") {
      await commands.execute("docmanager:open", { path, factory: FACTORY });
      return;
    }
    let widget = folders.find(({ content }) => content.path === path);
    if (widget === undefined) {
      widget = new MainAreaWidget({ content: makePanel(path) });
      widget.title.label = nameOf(path);
      widget.title.caption = path;
      widget.title.icon = KIND_ICONS.store;
      widget.title.closable = true;
      widget.toolbar.hide();
      await folders.add(widget);
    }
    const [page] = shell.widgets("main");
    // Notebook 7 has room for one widget a page; its first page keeps several in tabs.
    if (page instanceof TabPanel) {
      if (!widget.isAttached) page.addWidget(widget);
      page.currentWidget = widget;
      return;
    }
    if (!widget.isAttached) shell.add(widget, "main");
    shell.activateById(widget.id);
  }

  commands.addCommand(COMMAND, {
    label: ({ isLauncher }) => (isLauncher ? "Activation Store" : "Open Activation Store"),
    caption: "Open an activation store without a kernel",
    icon: storesIcon,
    execute: async (args) => {
      // A menu that was open before doesn't say which store the palette or the launcher is to open.
      const path = (args["ask"] === true ? null : target.of(args)) ?? (await ask());
      if (path !== null) await show(path.replace(/^\/+|\/+$/g, ""));
    },
  });
  palette?.addItem({ command: COMMAND, category: CATEGORY, args: { ask: true } });
  launcher?.add({ command: COMMAND, category: "Other", rank: 60, args: { isLauncher: true, ask: true } });

  void app.restored.then(() => {
    const address = new URL(location.href);
    const path = address.searchParams.get(PARAMETER);
    if (path === null) return;
    address.searchParams.delete(PARAMETER); // a reload restores the panel by itself
    history.replaceState(history.state, "", address);
    void commands.execute(COMMAND, { path });
  });
}

async function ask(): Promise<string | null> {
  const { value } = await InputDialog.getText({
    title: "Open an activation store",
    label: "Its path, below the server's root",
    placeholder: "folder/alpaca.zarr",
    okLabel: "Open",
  });
  return value?.trim() || null;
}
