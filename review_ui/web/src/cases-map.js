// The map of open cases: clustered over the unit's own county outlines, on canvas, with or
// without tiles. The same cases stand in the list beside it.

import L from "leaflet";
import Supercluster from "supercluster";

const DISPATCH = { color: "#8a4b00", fillColor: "#fff", fillOpacity: 0.9, dashArray: "3 2" };
const AT_WORK = { color: "#0054a6", fillColor: "#0054a6", fillOpacity: 0.5 };
const CHINA = [[18, 73], [54, 135]];
const CLOSEST = 18;

drawNew();
document.addEventListener("htmx:afterSwap", drawNew);

// Another part of the page may have been swapped: a map is drawn once.
function drawNew() {
  for (const element of document.querySelectorAll("[data-cases]:not([data-begun])")) {
    element.dataset.begun = "";
    draw(element);
  }
}

async function draw(element) {
  const outlines = await read(element.dataset.outlines);
  element.closest("figure").hidden = false;
  const map = L.map(element, { preferCanvas: true, zoomSnap: 0.5, attributionControl: false, maxZoom: CLOSEST });
  if (element.dataset.tiles) {
    L.tileLayer(element.dataset.tiles, { maxZoom: 19 }).addTo(map);
  }
  const counties = L.geoJSON(outlines ?? [], {
    style: { color: "#667382", weight: 1.5, fillColor: "#eef1f4", fillOpacity: element.dataset.tiles ? 0 : 0.6 },
    onEachFeature: (feature, layer) => layer.bindTooltip(feature.properties.name, { sticky: true }),
  }).addTo(map);
  const bounds = counties.getBounds();
  map.fitBounds(bounds.isValid() ? bounds : CHINA);
  L.control.scale({ imperial: false }).addTo(map);
  const marks = L.layerGroup().addTo(map);
  let asked = 0;
  const show = async () => {
    asked += 1;
    const mine = asked;
    const found = await read(address(element.dataset.cases, map.getBounds()));
    // An answer that comes after the map has moved on is thrown away.
    if (found && mine === asked) {
      marks.clearLayers();
      marksOf(found, map, element).forEach((mark) => mark.addTo(marks));
      element.dataset.drawn = found.points.length + found.groups.length;
    }
  };
  map.on("moveend", show);
  await show();
}

async function read(path) {
  const answer = await fetch(path, { headers: { Accept: "application/json" } });
  return answer.ok ? answer.json() : null;
}

function address(path, bounds) {
  const within = (value, most) => Math.min(Math.max(value, -most), most).toFixed(5);
  const box = [
    within(bounds.getWest(), 180), within(bounds.getSouth(), 90),
    within(bounds.getEast(), 180), within(bounds.getNorth(), 90),
  ];
  return `${path}${path.includes("?") ? "&" : "?"}box=${box.join(",")}`;
}

function marksOf({ points, groups }, map, element) {
  if (groups.length > 0) {
    return groups.map((group) => cluster([group.latitude, group.longitude], group.count, map.getZoom() + 2, map, element));
  }
  const index = new Supercluster({ radius: 48, maxZoom: CLOSEST - 1 });
  index.load(points.map((point) => ({
    type: "Feature",
    properties: point,
    geometry: { type: "Point", coordinates: [point.longitude, point.latitude] },
  })));
  return index.getClusters([-180, -90, 180, 90], Math.floor(map.getZoom())).map((feature) => {
    const at = [feature.geometry.coordinates[1], feature.geometry.coordinates[0]];
    if (!feature.properties.cluster) {
      return single(at, feature.properties, element);
    }
    const closer = Math.min(index.getClusterExpansionZoom(feature.id), CLOSEST);
    return cluster(at, feature.properties.point_count, closer, map, element);
  });
}

function cluster(at, count, zoom, map, element) {
  const words = element.dataset.counted.replace("{}", count);
  const size = 28 + 6 * Math.floor(Math.log10(count));
  const shape = L.divIcon({ className: "cluster", html: String(count), iconSize: [size, size] });
  return L.marker(at, { icon: shape, title: words, alt: words, keyboard: true })
    .on("click keypress", () => map.setView(at, Math.min(zoom, CLOSEST)));
}

function single(at, point, element) {
  const words = document.createElement("a");
  words.href = element.dataset.case + point.number;
  words.textContent = `${point.shop || point.number} · ${point.words}`;
  return L.circleMarker(at, { radius: 7, weight: 3, ...(point.state === "dispatch" ? DISPATCH : AT_WORK) }).bindPopup(words);
}
