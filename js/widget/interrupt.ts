/** Stopping what the kernel runs. */

/**
 * Interrupt a busy kernel, as JupyterLab's own stop button does: through the Jupyter server, whose page this is. The
 * kernel then raises KeyboardInterrupt.
 *
 * A message over the widget's comm won't do. It waits until the cell is done; also in ipykernel 7, which has threads
 * for messages, but hands a comm's to the loop that last sent one, and that is the busy one.
 */
export async function interrupt(kernelId: string): Promise<void> {
  const config = document.getElementById("jupyter-config-data")?.textContent;
  const { baseUrl } = JSON.parse(config || "{}") as { baseUrl?: string };
  const base = baseUrl === undefined ? null : new URL(baseUrl, location.href);
  if (kernelId === "" || base === null || base.origin !== location.origin) throw new Error(UNREACHED);
  const token = /(?:^|; *)_xsrf=([^;]*)/.exec(document.cookie)?.[1];
  const answer = await fetch(new URL(`api/kernels/${encodeURIComponent(kernelId)}/interrupt`, base), {
    method: "POST",
    credentials: "same-origin",
    headers: token === undefined ? {} : { "X-XSRFToken": token },
  });
  if (!answer.ok) throw new Error(UNREACHED);
}

const UNREACHED = "The busy kernel can't be reached from here: interrupt it by the notebook's own stop button.";
