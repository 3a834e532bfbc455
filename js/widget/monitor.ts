/** The capture monitor: one trait in, an interrupt out. */

import type { AnyModel } from "@anywidget/types";
import { Capture, type CaptureReport } from "../views/capture";
import type { Host } from "../views/host";
import { interrupt } from "./interrupt";
import type { Kernel } from "./kernel";

export function monitor(model: AnyModel, _kernel: Kernel, root: HTMLElement, host: Host): void {
  const view = new Capture(host, () => interrupt(String(model.get("kernel_id"))));
  const show = (): void => view.update(model.get("report") as CaptureReport);
  model.on("change:report", show);
  host.signal.addEventListener("abort", () => model.off("change:report", show));
  root.append(view.element);
  show();
}
