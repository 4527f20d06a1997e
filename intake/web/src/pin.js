// The map on which a rider puts the place right: county outlines, the phone's place with its
// accuracy, and a pin to drag. It needs no tiles. Loaded when it opens, since Leaflet is as
// large as all the rest.

import L from "leaflet";

/** @typedef {import("./types.d.ts").Place} Place */
/** @typedef {import("./types.d.ts").Pin} Pin */

const CLOSEST = 17;
const NEARBY_M = 20_000;
// So many names can be read beside their pins.
const FEW = 12;
// Without a place of the phone's own the map begins where the country is.
const CHINA = /** @type {[number, number]} */ ([35.5, 104]);

/**
 * Draw the map into an element; `moved` hears where the pin was put. Returns a function
 * that puts the pin where the phone is.
 * @param {HTMLElement} ground
 * @param {{place: Place | null, pin: Pin | null, words: string, moved: (pin: Pin) => void}} what
 */
function drawPinMap(ground, { place, pin, words, moved }) {
  const map = L.map(ground, { attributionControl: false, zoomControl: true });
  const begin = pin ?? place;
  if (begin) map.setView([begin.latitude, begin.longitude], CLOSEST);
  else map.setView(CHINA, 4);
  if (place) {
    const at = /** @type {[number, number]} */ ([place.latitude, place.longitude]);
    L.circle(at, { radius: place.accuracy_m, className: "pin-accuracy", interactive: false }).addTo(map);
    L.circleMarker(at, { radius: 6, className: "pin-phone", interactive: false }).addTo(map);
    void drawOutlines(map, place);
  }
  L.control.scale({ imperial: false }).addTo(map);
  const marker = L.marker(map.getCenter(), {
    draggable: true,
    keyboard: true,
    alt: words,
    title: words,
    icon: L.divIcon({ className: "pin", iconSize: [48, 56], iconAnchor: [24, 52] }),
  }).addTo(map);
  const tell = () => {
    const { lat, lng } = marker.getLatLng();
    moved({ latitude: Number(lat.toFixed(6)), longitude: Number(lng.toFixed(6)) });
  };
  marker.on("dragend", tell);
  map.on("click", ({ latlng }) => {
    marker.setLatLng(latlng);
    tell();
  });
  // Whoever has no pointer moves the map with the arrow keys, and the pin with it.
  ground.addEventListener("keydown", (event) => {
    if (event.key !== "Enter") return;
    marker.setLatLng(map.getCenter());
    tell();
  });
  return map;
}

/**
 * @param {L.Map} map
 * @param {Pin} place
 */
async function drawOutlines(map, place) {
  // One decimal: whoever reads the server's log learns the city, which its address tells too.
  const asked = new URLSearchParams({
    latitude: place.latitude.toFixed(1),
    longitude: place.longitude.toFixed(1),
  });
  try {
    const response = await fetch(`/api/v1/outlines?${asked}`);
    if (!response.ok) return;
    const style = { className: "pin-county" };
    L.geoJSON(await response.json(), { interactive: false, style }).addTo(map).bringToBack();
  } catch {
    // Without a network the pin stands on an empty ground; distances still hold.
  }
}

/**
 * Draw the stations into an element; `chosen` hears which one was pressed.
 * @param {HTMLElement} ground
 * @param {import("./types.d.ts").StationMap} what
 */
function drawStations(ground, { place, stations, chosen }) {
  const map = L.map(ground, { attributionControl: false, zoomControl: true });
  const bounds = L.latLngBounds([]);
  for (const { id, name, latitude, longitude } of stations) {
    if (latitude === null || longitude === null) continue;
    const at = /** @type {[number, number]} */ ([latitude, longitude]);
    // A country's stations don't fit a phone: those within an hour's ride are looked at first.
    if (!place || L.latLng(at).distanceTo([place.latitude, place.longitude]) < NEARBY_M) bounds.extend(at);
    L.marker(at, {
      keyboard: true,
      alt: name,
      title: name,
      icon: L.divIcon({ className: "pin", iconSize: [48, 56], iconAnchor: [24, 52] }),
    })
      .on("click keypress", () => chosen(id))
      .bindTooltip(name, { permanent: stations.length <= FEW, direction: "bottom" })
      .addTo(map);
  }
  if (place) {
    const at = /** @type {[number, number]} */ ([place.latitude, place.longitude]);
    bounds.extend(at);
    L.circleMarker(at, { radius: 6, className: "pin-phone", interactive: false }).addTo(map);
  }
  if (bounds.isValid()) {
    map.fitBounds(bounds, { padding: [56, 56], maxZoom: 15 });
    const { lat, lng } = bounds.getCenter();
    void drawOutlines(map, { latitude: lat, longitude: lng });
  } else {
    map.setView(CHINA, 4);
  }
  L.control.scale({ imperial: false }).addTo(map);
  return map;
}

globalThis.drawPinMap = drawPinMap;
globalThis.drawStations = drawStations;
