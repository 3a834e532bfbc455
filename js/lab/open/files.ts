/** The files of a store as the Jupyter server gives them out. */

import type { ServerConnection } from "@jupyterlab/services";
import { type Files, HttpFiles } from "../../store/files";
import { ZipFiles } from "../../store/zip";
import { kindOf, nameOf } from "../kinds";
import type { Surroundings } from "./panel";

const ANY = "zarr.json";

/** What every request for a store's files is made with. */
export function requestInit(server: ServerConnection.ISettings): RequestInit {
  const headers = server.token === "" ? {} : { Authorization: `token ${server.token}` };
  // A store that is written anew keeps its address: an old part of it must not come from the browser's cache.
  return { credentials: "same-origin", cache: "no-store", headers };
}

export async function filesOf(
  { contents, path, server }: Pick<Surroundings, "contents" | "path" | "server">,
  signal: AbortSignal,
): Promise<Files> {
  const init = requestInit(server);
  if (kindOf(nameOf(path), false) === "packed") {
    return ZipFiles.open(await contents.getDownloadUrl(path), nameOf(path), init, signal);
  }
  const any = new URL(await contents.getDownloadUrl(`${path}/${ANY}`), location.href);
  return new HttpFiles((file) => {
    const url = new URL(any);
    url.pathname = url.pathname.slice(0, -ANY.length) + file.split("/").map(encodeURIComponent).join("/");
    return url.href;
  }, init);
}
