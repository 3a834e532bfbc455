/** The Curator in a notebook: a kernel behind it, its state in the widget's traits. */

import type { AnyModel } from "@anywidget/types";
import { large } from "../curator/large";
import { CuratorPage, type Surroundings } from "../curator/page";
import { whole } from "../curator/whole";
import { h } from "../views/dom";
import { KERNEL_COLUMNS, KERNEL_FORMATS } from "../views/exporter";
import type { Host } from "../views/host";
import { KernelSource, openPool } from "./curator_source";
import type { Kernel } from "./kernel";
import { LargeKernelSource } from "./large_source";
import { asBits, asLists, StateSync } from "./state_sync";

export async function curator(model: AnyModel, kernel: Kernel, root: HTMLElement, host: Host): Promise<void> {
  const waiting = h("p", { class: "nait-muted" }, "Reading the scores…");
  root.append(waiting);
  try {
    const opened = await openPool(kernel);
    const sets = "pool" in opened ? asBits(opened.pool.tokens.length) : asLists;
    const around: Surroundings = {
      remember: (heard) => new StateSync(model, sets, host.signal, heard),
      exporting: { action: "Export", formats: KERNEL_FORMATS, columns: KERNEL_COLUMNS },
    };
    let page: CuratorPage;
    if ("pool" in opened) {
      const source = new KernelSource(kernel, model);
      page = new CuratorPage(source, opened, whole(source, opened), host, around);
    } else {
      const source = new LargeKernelSource(kernel, model);
      page = new CuratorPage(source, opened, large(source, opened), host, around);
    }
    kernel.on<string>("trouble", host.signal, ({ body }) => page.trouble.show(new Error(body)));
    root.append(...page.elements);
  } finally {
    waiting.remove();
  }
}
