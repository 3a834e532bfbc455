/** Python code that this extension writes. Names and paths are a stranger's: they only ever get in as literals. */

import { literal } from "../../core/python";
import type { Kind } from "../kinds";

const USES: Record<Kind, (path: string) => readonly [name: string, value: string]> = {
  store: (path) => ["store", `nait.open_store(${path})`],
  packed: (path) => ["store", `nait.open_store(${path})`],
  direction: (path) => ["direction", `nait.Direction.load(${path})`],
  scorer: (path) => ["scorer", `nait.Scorer.load(${path})`],
  recipe: (path) => ["selection", `nait.Recipe.load(${path}).repeat()`],
};

/**
 * A cell that opens a store, loads a direction, or selects again.
 *
 * @param path as the notebook's kernel sees it
 */
export function cellFor(kind: Kind, path: string): string {
  const [name, value] = USES[kind](literal(path));
  return `import nait_widgets as nait\n\n${name} = ${value}\n${name}`;
}

/** The type of what `work` tells. */
export const MIME = "application/vnd.nait+json";

/** What a kernel is to do with a store in its folder. */
export type Task =
  | { readonly task: "verify"; readonly name: string }
  | { readonly task: "pack"; readonly name: string; readonly text: boolean; readonly overwrite: boolean };

/** Code that does it in a kernel of its own, and tells how it goes. */
export function work(task: Task): string {
  return `${WORK}\nwork(**json.loads(${literal(JSON.stringify(task))}))`;
}

const WORK = `
import json

def work(task, name, **options):
    import sys
    from IPython.display import display

    def tell(**message):
        display({"${MIME}": message}, raw=True)

    try:
        import nait_widgets as nait
    except ModuleNotFoundError as error:
        return tell(missing=error.name, python=sys.executable)

    import tqdm.auto
    import tqdm.std

    class Told(tqdm.std.tqdm):
        def display(self, *args, **kwargs):
            tell(done=self.n, total=self.total)

    tqdm.auto.tqdm = Told  # this kernel is here for nothing else
    try:
        store = nait.open_store(name)
        if task == "pack":
            packed = store.pack(**options)
            tell(packed=packed.name, bytes=packed.stat().st_size)
        else:
            found = store.verify()
            listed = {"problems": found.problems[:100], "cautions": found.cautions[:100]}
            tell(**listed, count=len(found.problems), rows=found.rows)
    except nait.NaitError as error:
        tell(error=str(error))
`;
