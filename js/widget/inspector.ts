/** The Inspector in a notebook: a kernel behind it, the sample and direction in the widget's traits. */

import type { AnyModel } from "@anywidget/types";
import { InspectorPage } from "../inspector/page";
import type { Asked, Sample, Source, Subject } from "../inspector/source";
import type { Host } from "../views/host";
import type { TokensProps } from "../views/tokens";
import type { Kernel } from "./kernel";

/** What the kernel says of a sample. */
interface Told extends Omit<Sample, "text" | "scored"> {
  hasText: boolean;
  prompt: string;
  response: string;
  /** Null where the method can't tell. */
  score?: number | null;
  /** Of what the score is made; or why that can't be told. */
  layers?: number[];
  whole?: string;
  /** Whether there is a model, and whether it can tell what neurons promote. */
  model: boolean;
  promotes: boolean;
}

export async function inspector(model: AnyModel, kernel: Kernel, root: HTMLElement, host: Host): Promise<void> {
  const page = new InspectorPage(new KernelSource(kernel), new Traits(model), host);
  root.append(page.element);
  await page.show();
}

class KernelSource implements Source {
  #model = false;
  #promotes = false;

  constructor(private readonly kernel: Kernel) {}

  async sample(asked: Asked, signal: AbortSignal): Promise<Sample> {
    const { body, arrays } = await this.kernel.ask<Told>("sample", asked, { signal, timeout: null });
    const { score, layers, whole, hasText, prompt, response } = body;
    [this.#model, this.#promotes] = [body.model, body.promotes];
    return {
      ...body,
      text: hasText ? { prompt, response } : null,
      scored:
        score === undefined
          ? null
          : { score: score ?? NaN, parts: whole ?? { layers: layers ?? [], byLayer: arrays["byLayer"]! } },
    };
  }

  async percentiles(
    sample: Sample,
    asked: Asked,
    signal: AbortSignal,
  ): Promise<{ shares: ArrayLike<number>; rows: number } | null> {
    const body = { ...asked, neurons: terms(sample) };
    const standing = await this.kernel.ask<{ rows: number } | null>("percentiles", body, { signal, timeout: null });
    return standing.body && { shares: standing.arrays["shares"]!, rows: standing.body.rows };
  }

  get promoted(): Source["promoted"] {
    if (!this.#promotes) return null;
    return async (sample, asked, signal) => {
      const body = { ...asked, neurons: terms(sample) };
      return (await this.kernel.ask<string[][] | null>("promoted", body, { signal, timeout: null })).body;
    };
  }

  get tokens(): Source["tokens"] {
    if (!this.#model) return "Give the model, Inspector(store, model, …), to see what each token adds.";
    return async (asked, signal) => {
      const options = { signal, timeout: null };
      const { body, arrays } = await this.kernel.ask<Omit<TokensProps, "contributions" | "inPool"> | null>(
        "tokens",
        asked,
        options,
      );
      return body && { ...body, contributions: arrays["contributions"]!, inPool: arrays["inPool"]! };
    };
  }
}

function terms({ neurons }: Sample): [number, number, number][] {
  return neurons.map(({ layer, neuron, activation }) => [layer, neuron, activation]);
}

class Traits implements Subject {
  constructor(private readonly model: AnyModel) {}

  get sample(): string | null {
    return this.model.get("sample_id") as string | null;
  }

  get direction(): string {
    return String(this.model.get("direction"));
  }

  show({ sample, direction }: { sample?: string; direction?: string }): void {
    if (sample !== undefined) this.model.set("sample_id", sample);
    if (direction !== undefined) this.model.set("direction", direction);
    this.model.save_changes();
  }

  onChange(signal: AbortSignal, changed: () => void): void {
    for (const trait of ["change:sample_id", "change:direction"] as const) {
      this.model.on(trait, changed);
      signal.addEventListener("abort", () => this.model.off(trait, changed));
    }
  }
}
