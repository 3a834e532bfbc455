/** What an Inspector asks, answered from a store: all but what takes a model or a pass over every row. */

import { top } from "../../core/explain";
import type { Asked, Sample, Source } from "../../inspector/source";
import { LAST_SELECTABLE, STATUSES } from "../../store/layout";
import type { ScoreSet } from "../../store/scores";
import type { Store } from "../../store/store";

const TOP = 20;
const WHOLE = "This method scores a sample as a whole: its score has no parts by layer, neuron or token.";
const MEANLESS = "What each layer adds takes the neurons' means, which this store doesn't hold.";

export class StoreInspector implements Source {
  readonly promoted = null;
  readonly tokens = "What each token adds takes the model: in a notebook, Inspector(store, model, …) tells.";

  constructor(
    private readonly store: Store,
    private readonly scores: ScoreSet,
  ) {}

  async sample({ id, direction }: Asked, signal: AbortSignal): Promise<Sample> {
    const row = await this.scores.find(id, signal);
    if (row === null) throw new Error(`There is no sample ${id} in ${this.store.name}.`);
    const { status, tokens, directions, scores } = this.scores.pool;
    const quarantined = status[row]! > LAST_SELECTABLE;
    const about = {
      id,
      status: (STATUSES[status[row]!] ?? "unknown").replaceAll("_", " "),
      quarantined,
      tokens: tokens[row]!,
      directions,
      text: null, // the Curator's reader shows it
    };
    if (quarantined) return { ...about, neurons: [], scored: null };
    const which = Math.max(0, directions.indexOf(direction));
    const score = scores[which]![row]!;
    if (this.scores.directions[which]!.kind === "scorer")
      return { ...about, neurons: [], scored: { score, parts: WHOLE } };
    const { layers } = this.store.about.layout;
    const { activation, contributions, byLayer } = await this.store.explain(row, this.scores, which, signal);
    const terms = contributions === null ? [] : top(contributions, activation, layers.length, TOP);
    return {
      ...about,
      neurons: terms.map((term) => ({ ...term, layer: layers[term.layer]! })),
      scored: { score, parts: byLayer === null ? MEANLESS : { layers: [...layers], byLayer } },
    };
  }

  async percentiles(): Promise<null> {
    return null;
  }
}
