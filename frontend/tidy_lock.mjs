// Takes the addresses of funding pages out of package-lock.json, which names packages
// and hashes only, so that it serves behind any registry. Run by `npm run lock`.

import { readFile, writeFile } from "node:fs/promises";

const file = new URL("../package-lock.json", import.meta.url);
const lock = JSON.parse(await readFile(file, "utf8"));
for (const entry of Object.values(lock.packages)) {
  delete entry.funding;
}
await writeFile(file, JSON.stringify(lock, null, 2) + "\n");
