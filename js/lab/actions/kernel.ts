/** Work in a Python kernel that is started for it, and shut down after it whatever happens. */

import { type Kernel, KernelMessage, type KernelSpec, type ServiceManager } from "@jupyterlab/services";
import { MIME } from "./python";

/** What the code tells, a message at a time. */
export type Message = Readonly<Record<string, unknown>>;

/** Code that failed. */
export class KernelTrouble extends Error {
  /** @param trace Python's, where there is one */
  constructor(
    message: string,
    readonly trace: string | null = null,
  ) {
    super(message);
  }
}

/**
 * Run code in the server's default Python kernel.
 *
 * @param folder where the kernel runs
 * @param name what the running kernels' list calls it
 * @param told called with each message that the code displays as `MIME`
 * @param signal ends it: the kernel is shut down
 * @throws KernelTrouble There is no such kernel, it died, or the code raised.
 */
export async function inKernel(
  services: ServiceManager.IManager,
  { folder, name, code }: { folder: string; name: string; code: string },
  told: (message: Message) => void,
  signal: AbortSignal,
): Promise<void> {
  const { kernelspecs, sessions } = services;
  await kernelspecs.ready;
  const kernel = { name: pythonOf(kernelspecs.specs) };
  // A session's folder is that of its path, be there a file or not.
  const path = `${folder === "" ? "" : `${folder}/`}${name}-${Date.now()}`;
  const session = await sessions.startNew({ path, name, type: "console", kernel });
  try {
    await Promise.race([run(session.kernel!, code, told), given(signal)]);
  } finally {
    await session.shutdown().catch(() => undefined); // it is gone already
    session.dispose();
  }
}

function pythonOf(specs: KernelSpec.ISpecModels | null): string {
  const known = specs?.kernelspecs ?? {};
  const names = [specs?.default ?? "", ...Object.keys(known)];
  const name = names.find((one) => known[one]?.language.toLowerCase() === "python");
  if (name !== undefined) return name;
  throw new KernelTrouble("This server has no Python kernel; install one with `pip install ipykernel`.");
}

async function run(kernel: Kernel.IKernelConnection, code: string, told: (message: Message) => void): Promise<void> {
  let failure: KernelTrouble | null = null;
  const died = new Promise<never>((_, reject) => {
    kernel.statusChanged.connect((_kernel, status) => {
      if (status !== "dead" && status !== "autorestarting") return;
      reject(new KernelTrouble("The kernel died; its memory may have run out."));
    });
  });
  const future = kernel.requestExecute({ code, store_history: false, allow_stdin: false });
  future.onIOPub = (message) => {
    if (KernelMessage.isDisplayDataMsg(message)) {
      const data = message.content.data[MIME];
      if (data !== undefined) told(data as Message);
    } else if (KernelMessage.isErrorMsg(message)) {
      const { ename, evalue, traceback } = message.content;
      failure = new KernelTrouble(`${ename}: ${evalue}`, plain(traceback.join("\n")));
    }
  };
  await Promise.race([future.done, died]);
  if (failure !== null) throw failure;
}

/** Text without a terminal's colours. */
function plain(text: string): string {
  return text.replace(/\u001b\[[\d;]*m/g, "");
}

function given(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    const abort = (): void => reject(signal.reason as Error);
    if (signal.aborted) abort();
    else signal.addEventListener("abort", abort, { once: true });
  });
}
