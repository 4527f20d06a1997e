// The map of risk: the squares of the table beside it over the county outlines. There are no
// other figures on the map than those that stand in the table.

import L from "leaflet";

const CHINA = [[18, 73], [54, 135]];
// Hot squares are apart by a thick dark edge, too, and not by their colour alone.
const HOT = { color: "#7a1f0a", weight: 3, fillColor: "#d1491b", fillOpacity: 0.55 };
const PICKED = { color: "#111827", weight: 4, dashArray: "6 4" };
const PLAIN = { color: "#3f69a0", weight: 1, fillColor: "#7f9cc4", fillOpacity: 0.35 };

for (const element of document.querySelectorAll("[data-squares]")) {
  draw(element);
}

async function draw(element) {
  const answer = await fetch(element.dataset.outlines, { headers: { Accept: "application/json" } });
  const outlines = answer.ok ? await answer.json() : [];
  element.closest("figure").hidden = false;
  const map = L.map(element, { zoomSnap: 0.5, attributionControl: false, maxZoom: 18 });
  if (element.dataset.tiles) {
    L.tileLayer(element.dataset.tiles, { maxZoom: 19 }).addTo(map);
  }
  const counties = L.geoJSON(outlines, {
    style: { color: "#667382", weight: 1.5, fillColor: "#eef1f4", fillOpacity: element.dataset.tiles ? 0 : 0.6 },
    onEachFeature: (feature, layer) => layer.bindTooltip(feature.properties.name, { sticky: true }),
  }).addTo(map);
  const squares = L.featureGroup(rows(element).map((row) => square(row, Number(element.dataset.side)))).addTo(map);
  const bounds = [squares, counties].map((layer) => layer.getBounds()).find((each) => each.isValid());
  map.fitBounds(bounds ?? CHINA, { maxZoom: 14, padding: [24, 24] });
  L.control.scale({ imperial: false }).addTo(map);
  element.dataset.drawn = squares.getLayers().length;
}

function rows(element) {
  // Hot ones last, so that they lie on top.
  return [...document.querySelectorAll(`#${element.dataset.squares} tbody tr`)].reverse();
}

function square(row, side) {
  const [latitude, longitude] = [Number(row.dataset.latitude), Number(row.dataset.longitude)];
  const half = side / 2;
  const corners = [[latitude - half, longitude - half], [latitude + half, longitude + half]];
  const look = "hot" in row.dataset ? HOT : PLAIN;
  const made = L.rectangle(corners, look).bindTooltip(row.dataset.words, { sticky: true });
  const tick = row.querySelector("input");
  if (tick) {
    // The tick in the table is what is sent; the map only sets it and shows it.
    const show = () => made.setStyle(tick.checked ? { ...look, ...PICKED } : { dashArray: null, ...look });
    made.on("click", () => tick.click());
    tick.addEventListener("change", show);
    show();
  }
  return made;
}
