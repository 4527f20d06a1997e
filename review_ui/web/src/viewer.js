// A photo large: zoom, turn, full screen, the next one; by mouse, keyboard and touch.

import Panzoom from "@panzoom/panzoom";

const SWIPE_PX = 60;
const MOST_ZOOM = 8;

export function openViewer(page) {
  const dialog = page.querySelector("dialog[data-viewer]");
  const links = [...page.querySelectorAll("a[data-photo]")];
  if (!dialog || links.length === 0) {
    return;
  }
  const image = dialog.querySelector("img");
  const stage = dialog.querySelector(".stage");
  const zoom = Panzoom(stage.firstElementChild, { maxScale: MOST_ZOOM, minScale: 1, panOnlyWhenZoomed: true, canvas: true });
  let here = 0;
  let turns = 0;

  function show(index) {
    here = (index + links.length) % links.length;
    turn(0);
    image.src = links[here].href;
    image.alt = links[here].querySelector("img").alt;
    dialog.querySelector("[data-count]").textContent = `${here + 1} / ${links.length}`;
    dialog.querySelector("[data-said]").textContent = image.alt;
  }

  function turn(quarters) {
    turns = ((quarters % 4) + 4) % 4;
    image.dataset.turns = turns;
    zoom.reset({ animate: false });
  }

  const acts = {
    previous: () => show(here - 1),
    next: () => show(here + 1),
    closer: () => zoom.zoomIn(),
    farther: () => zoom.zoomOut(),
    turn: () => turn(turns + 1),
    full: () => (document.fullscreenElement ? document.exitFullscreen() : dialog.firstElementChild.requestFullscreen()),
    close: () => dialog.close(),
  };
  const keys = { ArrowLeft: "previous", ArrowRight: "next", "+": "closer", "=": "closer", "-": "farther", r: "turn", f: "full" };

  links.forEach((link, index) => {
    link.addEventListener("click", (event) => {
      if (event.ctrlKey || event.metaKey || event.shiftKey) {
        return;
      }
      event.preventDefault();
      show(index);
      dialog.showModal();
    });
  });
  for (const button of dialog.querySelectorAll("[data-act]")) {
    button.hidden = links.length === 1 && ["previous", "next"].includes(button.dataset.act);
    button.addEventListener("click", () => acts[button.dataset.act]());
  }
  dialog.addEventListener("keydown", (event) => {
    const act = keys[event.key];
    if (act && !event.ctrlKey && !event.metaKey && !event.altKey) {
      event.preventDefault();
      // The list's own keys must not move what lies behind.
      event.stopPropagation();
      acts[act]();
    }
  });
  dialog.addEventListener("close", () => {
    image.removeAttribute("src");
    links[here].focus();
  });
  stage.addEventListener("wheel", (event) => zoom.zoomWithWheel(event));
  stage.addEventListener("dblclick", () => (zoom.getScale() > 1 ? zoom.reset() : zoom.zoom(3, { animate: true })));
  listenToSwipes(stage, () => zoom.getScale() === 1, acts);
}

function listenToSwipes(stage, isWhole, acts) {
  let fingers = 0;
  let began = null;
  stage.addEventListener("pointerdown", (event) => {
    fingers += 1;
    began = fingers === 1 && event.pointerType === "touch" ? event.clientX : null;
  });
  for (const name of ["pointerup", "pointercancel"]) {
    stage.addEventListener(name, (event) => {
      fingers = Math.max(0, fingers - 1);
      const moved = began === null ? 0 : event.clientX - began;
      began = null;
      if (name === "pointerup" && isWhole() && Math.abs(moved) > SWIPE_PX) {
        acts[moved < 0 ? "next" : "previous"]();
      }
    });
  }
}
