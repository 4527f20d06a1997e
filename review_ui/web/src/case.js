// The case page works without this file. It adds: photos in a viewer, two pictures laid
// over one another, and colleagues' names completed in a note.

import { openComparer } from "./comparer.js";
import { completeNames } from "./mentions.js";
import { openViewer } from "./viewer.js";

openViewer(document);
openComparer(document);
completeNames(document);
