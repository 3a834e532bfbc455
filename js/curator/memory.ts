/** What keeps a curation's state beyond the page: a widget's traits, or the workspace of JupyterLab. */

import type { State } from "../core/curation";

/** Whom it tells when somebody else has set a state or a current sample. */
export interface Heard {
  /** Another state, and in words how it came. */
  state(state: State, how: string): void;
  current(id: string): void;
}

export interface Memory {
  read(): State;
  /** Keep a state at once. */
  write(state: State): void;
  /** Keep a state once nothing has changed for a moment. */
  writeSoon(state: State): void;
  /** Keep what isn't kept yet. */
  flush(): void;
  /** Keep which sample is looked at. */
  writeCurrent(id: string): void;
}
