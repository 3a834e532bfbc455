/** The curation of one score set: the Curator's page and the Inspector's, on a store instead of a kernel. */

import { count } from "../../core/amounts";
import type { State } from "../../core/curation";
import { NO_ROWS } from "../../core/rows";
import { CuratorPage } from "../../curator/page";
import { stateOf } from "../../curator/recipe";
import type { Opened } from "../../curator/source";
import { whole } from "../../curator/whole";
import { InspectorPage } from "../../inspector/page";
import type { Subject } from "../../inspector/source";
import { STATUSES } from "../../store/layout";
import type { ScoreSet } from "../../store/scores";
import type { Store } from "../../store/store";
import { literal } from "../../core/python";
import { h } from "../../views/dom";
import type { Host } from "../../views/host";
import { stemOf } from "../kinds";
import type { Saved } from "./companions";
import type { Surroundings } from "./panel";
import { keepButton } from "./keeping";
import { StoreInspector } from "./store_inspector";
import { StoreSource } from "./store_source";
import { Workspace } from "./workspace";

/** Rows that a page holds and chooses among by itself, as the Curator of a notebook has it. */
const MOST_ROWS = 2_000_000;

const START: State = {
  asked: {
    wish: { size: { fraction: 0.1 }, merge: "union", weights: {}, end: "top", seed: 0, adjust: "none" },
    filters: { text: "", tokens: [null, null], labels: {}, narrow: true },
  },
  lasso: null,
  pinned: NO_ROWS,
  excluded: NO_ROWS,
};

export class Curating {
  readonly elements: HTMLElement[];

  private constructor(
    private readonly scores: ScoreSet,
    private readonly memory: Workspace,
    page: CuratorPage,
    inspector: InspectorPage,
    subject: Subject,
    signal: AbortSignal,
  ) {
    const why = h("section", { class: "nait-store-inspector", "aria-label": "Why it scores so" }, inspector.element);
    const reveal = (): void => {
      why.hidden = subject.sample === null;
    };
    subject.onChange(signal, reveal);
    reveal();
    this.elements = [h("div", { class: "nait-curator" }, ...page.elements), why];
  }

  static async open(store: Store, key: string, around: Surroundings, host: Host): Promise<Curating> {
    if (store.nSamples > MOST_ROWS) {
      throw new Error(
        `${count(store.nSamples)} rows are more than a page can hold (${count(MOST_ROWS)}); with a kernel it needn't: ` +
          `open the store in a notebook by nait.Curator(store, store.scores(${literal(key)})).`,
      );
    }
    const failed = (error: unknown): void => page.trouble.show(error);
    const scores = await store.scoreSet(key, host.signal);
    const place = `nait-widgets:curation:${around.path}:${key}`;
    const memory = await Workspace.open(
      around.state,
      place,
      store.about.dataSha256,
      store.nSamples,
      START,
      host.signal,
    );
    const source = new StoreSource(store, scores, () => memory.read(), around.path, host.signal);
    const subject = new Looked(memory, scores.directions[0]?.name ?? "");
    const about = opened(store, scores);
    const page = new CuratorPage(source, about, whole(source, about), host, {
      remember: (heard) => {
        memory.heard = heard;
        return memory;
      },
      exporting: {
        action: "Download",
        formats: [[".jsonl", "JSONL"]],
        columns: ["score", "rank"],
        extras: [keepButton(source, around, failed)],
      },
      columns: around.settings.current.columns,
    });
    const inspector = new InspectorPage(new StoreInspector(store, scores), subject, host);
    if (memory.current !== null) memory.heard.current(memory.current);
    void inspector.show();
    return new Curating(scores, memory, page, inspector, subject, host.signal);
  }

  /** The key of the score set. */
  get key(): string {
    return this.scores.key;
  }

  /** Ask for what a saved selection asked for. */
  async apply(saved: Saved): Promise<void> {
    const { scores } = this;
    const names = (of: readonly { name: string; digest: string }[]): string =>
      of.map(({ name, digest }) => `${name} ${digest}`).join("\n");
    if (names(saved.directions) !== names(scores.directions)) {
      throw new Error(
        `The selection ${saved.name} was made by ${told(saved.directions)}, and the scores here are of ` +
          `${told(scores.directions)}; it can't be repeated with them.`,
      );
    }
    const named = [saved.lasso ?? [], saved.pinned, saved.excluded].some((ids) => ids.length > 0);
    const ids = named ? await scores.ids(Int32Array.from(scores.pool.status.keys())) : [];
    const state = stateOf(saved.asked, saved, ids);
    this.memory.write(state);
    this.memory.heard.state(state, `Selection ${saved.name}`);
  }
}

function told(directions: readonly { name: string; digest: string }[]): string {
  return directions.map(({ name, digest }) => `${name} (${digest.slice(0, 8)})`).join(", ");
}

function opened(store: Store, scores: ScoreSet): Opened {
  return {
    pool: scores.pool,
    statuses: STATUSES,
    store: scores.name,
    about: `scores by ${scores.directions.map(({ name }) => name).join(", ")}`,
    text: store.about.layout.text,
    maps: ["pca"],
    export: `${stemOf(store.name)}.${scores.key}.jsonl`,
    greeting: "",
    neurons: !store.about.layout.scoresOnly,
  };
}

/** The sample that the Curator looks at is the one that is explained, and the other way round. */
class Looked implements Subject {
  #changed: (() => void)[] = [];

  constructor(
    private readonly memory: Workspace,
    public direction: string,
  ) {
    memory.looked = () => this.#tell();
  }

  get sample(): string | null {
    return this.memory.current;
  }

  show({ sample, direction }: { sample?: string; direction?: string }): void {
    if (direction !== undefined) this.direction = direction;
    if (sample === undefined) this.#tell();
    else {
      this.memory.heard.current(sample);
      this.memory.writeCurrent(sample);
    }
  }

  onChange(signal: AbortSignal, changed: () => void): void {
    this.#changed.push(changed);
    signal.addEventListener("abort", () => this.#changed.splice(this.#changed.indexOf(changed), 1));
  }

  #tell(): void {
    for (const changed of this.#changed) changed();
  }
}
