// The small map of a case: county outlines, the claims of place with their accuracy.
// Everything it shows also stands in the table beside it.

import L from "leaflet";

const SHAPES = {
  device_gps: { color: "#0054a6", radius: 7 },
  map_pin: { color: "#7a2e8e", radius: 7, dashArray: "3 2" },
  exif_gps: { color: "#8a4b00", radius: 5, fillOpacity: 0 },
};

for (const element of document.querySelectorAll("[data-map]")) {
  draw(element);
}

async function draw(element) {
  const answer = await fetch(element.dataset.map, { headers: { Accept: "application/json" } });
  if (!answer.ok) {
    return;
  }
  const { outlines, places } = await answer.json();
  if (places.length === 0) {
    return;
  }
  element.closest("figure").hidden = false;
  const map = L.map(element, { preferCanvas: true, zoomSnap: 0.5, attributionControl: false });
  if (element.dataset.tiles) {
    L.tileLayer(element.dataset.tiles, { maxZoom: 19 }).addTo(map);
  }
  L.geoJSON(outlines, {
    style: { color: "#667382", weight: 1.5, fillColor: "#eef1f4", fillOpacity: element.dataset.tiles ? 0 : 0.6 },
    onEachFeature: (feature, layer) => layer.bindTooltip(feature.properties.name, { sticky: true }),
  }).addTo(map);
  const names = JSON.parse(element.dataset.names);
  // Without streets to look at, what counts is how near the county border is.
  map.fitBounds(around(places), { maxZoom: element.dataset.tiles ? 16 : 13 });
  places.flatMap((place) => marks(place, names)).forEach((mark) => mark.addTo(map));
  L.control.scale({ imperial: false }).addTo(map);
}

function around(places) {
  const bounds = L.latLngBounds([]);
  for (const place of places) {
    // A circle knows its bounds only once the map has a view: a square does as well.
    bounds.extend(L.latLng(place.latitude, place.longitude).toBounds(4 * (place.accuracy_m ?? 50)));
  }
  return bounds.pad(0.2);
}

function marks(place, names) {
  const at = [place.latitude, place.longitude];
  const shape = SHAPES[place.source] ?? SHAPES.device_gps;
  const found = [
    L.circleMarker(at, { weight: 3, fillOpacity: 0.5, ...shape }).bindTooltip(names[place.source] ?? ""),
  ];
  if (place.accuracy_m) {
    found.push(L.circle(at, { radius: place.accuracy_m, color: shape.color, weight: 1, fillOpacity: 0.08 }));
  }
  return found;
}
