/** What can go wrong with a store, said so that a person can mend it. */

/** How each kind of trouble is mended, unless it says so itself. */
const MENDS = {
  missing: "Check that it is where it is looked for; if it was moved or deleted meanwhile, open it again.",
  forbidden: "Log in again, or ask whoever runs the server for access.",
  v2: "Only stores in Zarr's version 3 can be read: capture it again with nait-widgets.",
  foreign: "Open a store that `nait capture` wrote.",
  newer: "Upgrade nait-widgets.",
  incomplete: "Run its `nait capture` command again to finish it.",
  damaged: "Run `nait verify` on the store to see what is affected, or copy it again from where it came.",
  "too-large": "Open it in Python by `nait.open_store`.",
  unsafe: "Don't unpack it; get it again from somebody you trust.",
  compressed: "Unpack it by `nait unpack` and pack it by `nait pack`.",
  "no-ranges": "Serve it by a server that answers range requests, as Jupyter's own does.",
  "no-text": "Ask for the store with its text, or capture it again without `--no-text`.",
  offline: "Check the connection and try again.",
} as const;

export type Kind = keyof typeof MENDS;

/** Anything that keeps a store from being read. */
export class StoreTrouble extends Error {
  override readonly name = "StoreTrouble";
  /** How to mend it, a sentence. */
  readonly mend: string;

  /**
   * @param what What is wrong and with which file, a sentence.
   */
  constructor(
    readonly kind: Kind,
    readonly what: string,
    { mend = MENDS[kind], cause }: { mend?: string; cause?: unknown } = {},
  ) {
    super(`${what} ${mend}`, { cause });
    this.mend = mend;
  }
}

/**
 * Do what may fail in a library's own way: whatever is thrown comes out as a trouble of this kind, but for troubles,
 * which stay what they are, and for reads that were aborted, which are no failure.
 */
export async function telling<T>(kind: Kind, what: string, work: () => T | Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw known(error) ?? new StoreTrouble(kind, `${what}${detail(error)}.`, { cause: error });
  }
}

/** Whether a read was given up rather than failed. */
export function isAborted(error: unknown): boolean {
  return error instanceof DOMException && error.name === "AbortError";
}

/** The trouble or abortion that an error is, or was caused by. */
function known(error: unknown): unknown {
  for (let cause = error; cause instanceof Error; cause = cause.cause) {
    if (cause instanceof StoreTrouble || isAborted(cause)) return cause;
  }
  return null;
}

/** What the first cause of an error says. */
function detail(error: unknown): string {
  let cause = error;
  while (cause instanceof Error && cause.cause instanceof Error) cause = cause.cause;
  const message = cause instanceof Error ? cause.message : String(cause);
  return message === "" ? "" : ` (${message.slice(0, 200).replace(/\.$/, "")})`;
}
