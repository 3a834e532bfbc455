/** The Curator in a notebook: a kernel behind it, its state in the widget's traits. */

import type { AnyModel } from "@anywidget/types";
import { CuratorPage } from "../curator/page";
import { h } from "../views/dom";
import { KERNEL_COLUMNS, KERNEL_FORMATS } from "../views/exporter";
import type { Host } from "../views/host";
import { KernelSource } from "./curator_source";
import type { Kernel } from "./kernel";
import { StateSync } from "./state_sync";

export async function curator(model: AnyModel, kernel: Kernel, root: HTMLElement, host: Host): Promise<void> {
  const source = new KernelSource(kernel);
  const waiting = h("p", { class: "nait-muted" }, "Reading the scores…");
  root.append(waiting);
  try {
    const opened = await source.open();
    const page = new CuratorPage(source, opened, host, {
      remember: (heard) => new StateSync(model, opened.pool.tokens.length, host.signal, heard),
      exporting: { action: "Export", formats: KERNEL_FORMATS, columns: KERNEL_COLUMNS },
    });
    kernel.on<string>("trouble", host.signal, ({ body }) => page.trouble.show(new Error(body)));
    root.append(...page.elements);
  } finally {
    waiting.remove();
  }
}
