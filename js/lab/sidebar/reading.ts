/** Reading what lies on the Jupyter server, in parts. */

import type { Contents, ServerConnection } from "@jupyterlab/services";
import { Http } from "../../store/http";
import { nameOf } from "../kinds";
import { filesOf, requestInit } from "../open/files";
import type { Reading } from "./describing";

export function readingFrom(contents: Contents.IManager, server: ServerConnection.ISettings): Reading {
  const http = new Http(requestInit(server));
  return {
    store: (path, signal) => filesOf({ contents, server, path }, signal),
    part: async (path, span, signal) => http.read(await contents.getDownloadUrl(path), nameOf(path), span, signal),
    names: async (path) => {
      const folder = await contents.get(path, { type: "directory", content: true });
      return (folder.content as Contents.IModel[]).map(({ name }) => name);
    },
  };
}
