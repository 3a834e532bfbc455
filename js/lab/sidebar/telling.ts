/** What a search did, in sentences. */

import { oneLine } from "../../core/text";
import { counted } from "../sizes";
import type { Looked, Omission, Search } from "./finding";

export function telling(looked: Looked, search: Search): string[] {
  return [`Looked into ${counted(looked.folders, "folder")}.`, ...looked.omitted.map((one) => left(one, search))];
}

function left({ why, path, count }: Omission, search: Search): string {
  const place = `“${oneLine(path, 200)}”`;
  const others = count > 1 ? ` and ${counted(count - 1, "other")}` : "";
  if (why instanceof Error) return `${place}${others} can't be read: ${oneLine(why.message, 200)}`;
  if (why === "depth") {
    return `Not looked into, being more than ${counted(search.depth, "folder")} deep: ${place}${others}.`;
  }
  const most = {
    folders: counted(search.mostFolders, "folder"),
    entries: counted(search.mostEntries, "file"),
    results: counted(search.mostResults, "result"),
  }[why];
  return `Stopped at ${most}; not looked into: ${place}${others}.`;
}
