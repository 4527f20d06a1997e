// The room works without this file. It adds: lists that change without losing the
// place (htmx) and by themselves, and the keyboard.

import htmx from "htmx.org";
import { listenToKeys } from "./keys.js";
import { keepListFresh } from "./live.js";

htmx.config.includeIndicatorStyles = false;
htmx.config.allowEval = false;
htmx.config.selfRequestsOnly = true;
htmx.config.historyCacheSize = 0;

listenToKeys(document);
keepListFresh(document);
