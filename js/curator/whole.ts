/** Opens a pool that the page holds whole. */

import type { OpenPool } from "./curated";
import { CuratorPicture } from "./picture";
import { PointMap } from "./points";
import type { Opened, Source } from "./source";

export function whole(source: Source, opened: Opened): OpenPool {
  return (state, known, audience, signal) => {
    const curated = new CuratorPicture(source, opened, state, known, audience, signal);
    return { curated, map: (host, handlers) => new PointMap(curated, source, opened, host, handlers, audience) };
  };
}
