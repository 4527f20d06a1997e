// Makes the form quicker to fill in; without this file it still works as it stands.

const form = document.getElementById("report");
const words = form.dataset;
const limit = Number(words.limit);
const camera = document.getElementById("camera");
const album = document.getElementById("album");
const previews = document.getElementById("previews");
const count = document.getElementById("count");
const progress = document.getElementById("progress");
let photos = [];

function say(text, values) {
  return text.replace(/\{(\w+)\}/g, (_, name) => values[name]);
}

function withOffset(milliseconds) {
  // RFC 3339 with this phone's own offset, which toISOString would lose.
  const moment = new Date(milliseconds);
  const offset = -moment.getTimezoneOffset();
  const local = new Date(milliseconds + offset * 60_000).toISOString().slice(0, 19);
  const sign = offset < 0 ? "-" : "+";
  const two = (number) => String(Math.floor(Math.abs(number))).padStart(2, "0");
  return `${local}${sign}${two(offset / 60)}:${two(offset % 60)}`;
}

function show(note = "") {
  // The album's input carries all photos to the server, however they were taken.
  const files = new DataTransfer();
  for (const photo of photos) files.items.add(photo);
  album.files = files.files;
  camera.value = "";
  for (const picture of previews.querySelectorAll("img")) URL.revokeObjectURL(picture.src);
  previews.replaceChildren(...photos.map(preview));
  previews.hidden = photos.length === 0;
  count.textContent = note || (photos.length ? say(words.count, { count: photos.length }) : "");
  form.elements.captured_at.value = photos.length ? withOffset(photos[0].lastModified) : "";
}

function preview(photo, index) {
  const item = document.createElement("li");
  const picture = document.createElement("img");
  picture.src = URL.createObjectURL(photo);
  picture.alt = "";
  const remove = document.createElement("button");
  remove.type = "button";
  remove.textContent = "×";
  remove.setAttribute("aria-label", say(words.remove, { number: index + 1 }));
  remove.addEventListener("click", () => {
    photos = photos.filter((other) => other !== photo);
    show();
  });
  item.append(picture, remove);
  return item;
}

function add(event) {
  const chosen = [...event.target.files];
  const kept = [...photos];
  let bytes = kept.reduce((sum, photo) => sum + photo.size, 0);
  let note = "";
  for (const photo of chosen) {
    bytes += photo.size;
    if (kept.length === limit) note = say(words.tooMany, { limit });
    else if (bytes > Number(words.limitBytes)) note = words.tooLarge;
    else kept.push(photo);
    if (note) break;
  }
  photos = kept;
  show(note);
}

camera.addEventListener("change", add);
album.addEventListener("change", add);

const chip = document.getElementById("chip");
const chipText = document.getElementById("chip-text");
const premises = document.getElementById("premises");

function located(position) {
  const { latitude, longitude, accuracy } = position.coords;
  form.elements.latitude.value = latitude;
  form.elements.longitude.value = longitude;
  form.elements.accuracy_m.value = accuracy;
  chipText.textContent = say(words.located, { metres: Math.ceil(accuracy) });
}

function notLocated() {
  if (form.elements.latitude.value) return;
  chipText.textContent = words.unlocated;
  premises.open = true;
}

if (navigator.geolocation) {
  chip.hidden = false;
  chipText.textContent = words.locating;
  premises.open = Boolean(form.elements.premises_address.value || form.elements.premises_name.value);
  navigator.geolocation.watchPosition(located, notLocated, {
    enableHighAccuracy: true,
    maximumAge: 30_000,
    timeout: 15_000,
  });
}

form.addEventListener("submit", (event) => {
  if (!navigator.onLine) {
    event.preventDefault();
    progress.textContent = words.offline;
    return;
  }
  document.getElementById("send").disabled = true;
  progress.textContent = words.sending;
});

// A page that comes back from the browser's memory must be able to send again.
window.addEventListener("pageshow", () => {
  document.getElementById("send").disabled = false;
});
