/** The notebook that a curation starts from. */

import { literal } from "../../core/python";

/** A store to go on with. */
export interface Given {
  /** As the notebook's kernel sees it. */
  readonly path: string;
  /** The name of its model. */
  readonly model: string;
  /** The name of scores that are saved in it; null where there are none. */
  readonly scores: string | null;
  /** Whether it can only be read. */
  readonly isPacked: boolean;
}

export interface Cell {
  readonly cell_type: "markdown" | "code";
  readonly source: string;
}

const text = (source: string): Cell => ({ cell_type: "markdown", source });
const code = (source: string): Cell => ({ cell_type: "code", source });

/**
 * Its cells, which run as they are.
 *
 * @param store the name of the store that they make, where none is given
 * @param given what to go on with
 */
export function curation(store: string, given: Given | null): Cell[] {
  if (given === null) return [...beginning(store), ...scoring(false), ...choosing(false)];
  if (given.scores === null) return [...opening(given), ...scoring(given.isPacked), ...choosing(given.isPacked)];
  return [...scored(given, given.scores), ...choosing(given.isPacked)];
}

const TITLE = `# Curate instruction data

Which rows of a pool of instruction data activate the neurons that a capability activates?`;

function beginning(store: string): Cell[] {
  return [
    text(`${TITLE}

Run all cells: they work as they are, on the small model and the samples that come with nait-widgets. Then put your own model and files into the first one.`),
    code(`import nait_widgets as nait
from nait_widgets import demo

model = nait.load_model(demo.MODEL)  # or a hub id, or the folder of your model
candidates = nait.read_records(demo.POOL, limit=1_500)  # the rows to choose from: your "alpaca_data.json"
in_domain = {"arithmetic": nait.read_records(demo.in_domain("arithmetic"))}  # what to find`),
    text(`## Capture

Every candidate goes through the model once. A capture that was stopped goes on when its cell is run again; one that is complete is opened.`),
    code(`pool = nait.capture(model, candidates, ${literal(store)}, site="mlp_act")
pool`),
  ];
}

function opening({ path, model }: Given): Cell[] {
  return [
    text(`${TITLE}

The rows are those of a store that was captured before. Its model is needed once more, for the samples of the capability.`),
    code(`import nait_widgets as nait
from nait_widgets import demo

pool = nait.open_store(${literal(path)})
model = nait.load_model(${literal(model)})  # the store's own model: a hub id, or its folder
in_domain = {"arithmetic": nait.read_records(demo.in_domain("arithmetic"))}  # what to find
pool`),
  ];
}

function scored({ path }: Given, scores: string): Cell[] {
  return [
    text(`${TITLE}

The rows, and their scores, are those of a store that was captured and scored before.`),
    code(`import nait_widgets as nait

pool = nait.open_store(${literal(path)})
scores = pool.scores(${literal(scores)})
scores`),
  ];
}

function scoring(isReadOnly: boolean): Cell[] {
  const saving = isReadOnly ? "" : `\npool.save_scores(scores, "curation")`;
  const saved = isReadOnly
    ? ""
    : " Saved in the store, scores can be looked at without a kernel: open it in the sidebar.";
  return [
    text(`## Directions

What the capability looks like inside the model: where its samples lie, seen from the candidates. \`preset="paper"\` follows the paper's equations instead.`),
    code(`directions = [
    nait.fit_direction(model, samples, name=name, preset="robust", background=pool)
    for name, samples in in_domain.items()
]
directions`),
    text(`## Scores

How far each candidate goes in each direction.${saved}`),
    code(`scores = nait.score(pool, directions)${saving}
scores`),
  ];
}

function choosing(isReadOnly: boolean): Cell[] {
  const saving = isReadOnly ? "" : `\npool.save_selection(curator.selection, "chosen")`;
  return [
    text(`## Choose

Move a slider, drag the cut, draw a lasso, pin a row. What you choose is kept beside the store.`),
    code(`curator = nait.Curator(pool, scores)
curator`),
    text(`## Keep

The rows as they came, with a recipe that repeats the selection and a card that says what it is.`),
    code(`curator.selection.export("chosen.jsonl", columns=["score", "rank", "reason"])${saving}`),
  ];
}
