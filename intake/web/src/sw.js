// The service worker: keeps the app so that it opens without a network, and sends the
// outbox when the browser says that there is one. By hand: of Workbox the app would use no
// more than the list of what is kept, which the server writes before this file.

import { sendWaiting } from "./sender.js";
import { say, speakAsThePages } from "./words.js";

const worker = /** @type {ServiceWorkerGlobalScope & {KEPT: Kept}} */ (
  /** @type {unknown} */ (self)
);
/** @typedef {{revision: string, shell: string, files: string[]}} Kept */

const NAME = `suishoupai-${worker.KEPT.revision}`;
const { shell, files } = worker.KEPT;

worker.addEventListener("install", (event) => {
  event.waitUntil(
    (async () => {
      const cache = await caches.open(NAME);
      const requests = [shell, ...files].map((path) => new Request(path, { cache: "reload" }));
      await cache.addAll(requests);
      await worker.skipWaiting();
    })(),
  );
});

worker.addEventListener("activate", (event) => {
  event.waitUntil(
    (async () => {
      const names = await caches.keys();
      const old = names.filter((name) => name.startsWith("suishoupai-") && name !== NAME);
      await Promise.all(old.map((name) => caches.delete(name)));
      await worker.clients.claim();
    })(),
  );
});

worker.addEventListener("fetch", (event) => {
  const { method, mode, url } = event.request;
  const { origin, pathname } = new URL(url);
  if (method !== "GET" || origin !== worker.location.origin) return;
  if (mode === "navigate" && pathname === "/") event.respondWith(kept(shell, event.request));
  else if (files.includes(pathname)) event.respondWith(kept(pathname, event.request));
  else if (pathname.startsWith("/static/dist/")) event.respondWith(keptFromNowOn(event.request));
});

worker.addEventListener("sync", (event) => {
  if (event.tag === "outbox") event.waitUntil(sendAndSayWhatIsLeft());
});

worker.addEventListener("push", (event) => {
  event.waitUntil(sayThereIsNews());
});

worker.addEventListener("notificationclick", (event) => {
  event.notification.close();
  event.waitUntil(worker.clients.openWindow("/#mine"));
});

/** A locked phone lies on tables: the notice does not even say that somebody reports. */
async function sayThereIsNews() {
  await speakAsThePages();
  await worker.registration.showNotification(say("随手拍有新消息"), {
    body: say("点开看看。"),
    icon: "/static/app-icon-192.png",
    tag: "news",
  });
}

/**
 * Answer with what is kept; a browser that has cleared it gets it from the server.
 * @param {string} path
 * @param {Request} request
 */
async function kept(path, request) {
  return (await caches.match(path)) ?? fetch(request);
}

/**
 * What carries its content's hash in its name never changes: the map is kept once it was used.
 * @param {Request} request
 */
async function keptFromNowOn(request) {
  const cache = await caches.open(NAME);
  const known = await cache.match(request.url);
  if (known) return known;
  const response = await fetch(request);
  if (response.ok) await cache.put(request.url, response.clone());
  return response;
}

/** A sync that is rejected is one that the browser repeats. */
async function sendAndSayWhatIsLeft() {
  const next_ms = await sendWaiting({ hurry: true });
  if (next_ms !== null) throw new Error("something still waits");
}
