// The bundle travels in the state of every widget that a notebook saves, so its size has a limit.
import { statSync } from "node:fs";

const LIMIT = 300 * 1024;
const folder = new URL("../nait_widgets/widgets/static/", import.meta.url);
const sizes = ["widget.js", "widget.css"].map((name) => [name, statSync(new URL(name, folder)).size]);
const total = sizes.reduce((sum, [, size]) => sum + size, 0);
const kib = (bytes) => `${(bytes / 1024).toFixed(1)} KiB`;

console.log(`${sizes.map(([name, size]) => `${name} ${kib(size)}`).join(", ")}: ${kib(total)} of ${kib(LIMIT)}`);
process.exit(total > LIMIT ? 1 : 0);
