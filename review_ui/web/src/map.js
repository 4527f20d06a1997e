// The small map of a case: what is claimed of time and place, how far apart, and the cases near by.
// Everything it shows also stands in the tables and lists of the page, under the same letters and
// numbers; so nothing on it but the other cases takes the keyboard.

import L from "leaflet";

const COLOURS = { device_gps: "#0054a6", map_pin: "#7a2e8e", exif_gps: "#8a4b00" };
const APART = { color: "#4a5566", weight: 2, dashArray: "4 3" };
const TOO_FAR = { color: "#b42318", weight: 3 };
// Where on a line its distance may be written, the best place first.
const ALONG = [0.5, 0.4, 0.6, 0.3, 0.7, 0.2, 0.8];
const CLOSEST = 18;
const SIGN_PX = 28;
// The least that is shown around a place, so that one accurate claim is not all of the map.
const AROUND_M = 60;

for (const element of document.querySelectorAll("[data-map]")) {
  draw(element);
}

async function draw(element) {
  const answer = await fetch(element.dataset.map, { headers: { Accept: "application/json" } });
  if (!answer.ok) {
    return;
  }
  const { outlines, places, lines, cases } = await answer.json();
  const shown = around(places, cases);
  if (!shown.isValid()) {
    return;
  }
  element.closest("figure").hidden = false;
  const map = L.map(element, { preferCanvas: true, zoomSnap: 0.25, attributionControl: false });
  if (element.dataset.tiles) {
    L.tileLayer(element.dataset.tiles, { maxZoom: 19 }).addTo(map);
  }
  L.geoJSON(outlines, {
    style: { color: "#667382", weight: 1.5, fillColor: "#eef1f4", fillOpacity: element.dataset.tiles ? 0 : 0.6 },
    onEachFeature: (feature, layer) => layer.bindTooltip(feature.properties.name, { sticky: true }),
  }).addTo(map);
  map.fitBounds(shown, { maxZoom: CLOSEST, padding: [24, 24] });
  places.filter((place) => place.accuracy_m).forEach((place) => circle(place).addTo(map));
  lines.forEach((line) => L.polyline(line.ends, { ...(line.is_too_far ? TOO_FAR : APART), interactive: false }).addTo(map));
  const signs = [
    ...places.map((place) => ({ at: place.at, sign: sign(place.at, letter(place)).addTo(map) })),
    ...cases.map((each) => ({ at: each.at, sign: sign(each.at, neighbour(each)).addTo(map) })),
  ];
  const written = lines.map((line) => ({ ...line, sign: sign(line.ends[0], distance(line)).addTo(map) }));
  const arrange = () => arranged(signs, written, map);
  map.on("zoomend", arrange);
  arrange();
  L.control.scale({ imperial: false }).addTo(map);
}

// What is claimed, and the cases near by; another branch of the shop may lie in another city.
function around(places, cases) {
  const bounds = L.latLngBounds([]);
  for (const { at, accuracy_m: accuracy } of places) {
    // A circle knows its bounds only once the map has a view: a square does as well.
    bounds.extend(L.latLng(at).toBounds(2 * Math.max(accuracy ?? 0, AROUND_M)));
  }
  cases.filter((each) => places.length === 0 || !each.is_same_shop)
    .forEach((each) => bounds.extend(L.latLng(each.at).toBounds(2 * AROUND_M)));
  return bounds;
}

function circle({ at, source, accuracy_m: radius }) {
  return L.circle(at, { radius, color: COLOURS[source], weight: 1, fillOpacity: 0.08, interactive: false });
}

// Nothing hides anything: letters and numbers that would lie on one another stand in a row, and
// a distance is written where its line has room for it, or not at all until the map is closer.
function arranged(signs, written, map) {
  const taken = [];
  const isFree = (box) => !taken.some((each) => Math.abs(each.x - box.x) * 2 < each.width + box.width
    && Math.abs(each.y - box.y) * 2 < each.height + box.height);
  for (const { at, sign: marker } of signs) {
    const here = map.latLngToLayerPoint(at);
    const box = { x: here.x, y: here.y, width: SIGN_PX, height: SIGN_PX };
    while (!isFree(box)) {
      box.x += SIGN_PX;
    }
    taken.push(box);
    element(marker).style.marginLeft = `${box.x - here.x}px`;
  }
  for (const { ends, sign: marker } of written) {
    const [first, second] = ends.map((end) => map.latLngToLayerPoint(end));
    const words = element(marker);
    words.hidden = false;
    const size = { width: words.offsetWidth + 4, height: words.offsetHeight + 4 };
    const box = ALONG.map((part) => ({
      ...size, x: first.x + part * (second.x - first.x), y: first.y + part * (second.y - first.y),
    })).find(isFree);
    words.hidden = !box;
    if (box) {
      taken.push(box);
      marker.setLatLng(map.layerPointToLatLng([box.x, box.y]));
    }
  }
}

function element(marker) {
  return marker.getElement().firstChild;
}

function distance({ words, is_too_far: isTooFar }) {
  const told = document.createElement("span");
  told.className = isTooFar ? "apart-words is-too-far" : "apart-words";
  told.textContent = words;
  return told;
}

function letter({ letter: text, source, words }) {
  const made = document.createElement("b");
  made.className = `at is-${source}`;
  made.textContent = text;
  made.title = words;
  return made;
}

function neighbour({ mark, words, href }) {
  const made = document.createElement("a");
  made.className = "at is-case";
  made.href = href;
  made.textContent = String(mark);
  made.title = words;
  return made;
}

function sign(at, html) {
  const icon = L.divIcon({ className: "", html, iconSize: [0, 0] });
  return L.marker(at, { icon, keyboard: false, interactive: false });
}
