// Bundles each room's front end into its web/static/dist: scripts and styles with the
// hash of their content in the name, one sprite of the icons used, and a manifest by
// which the templates find them. Run after `npm ci --ignore-scripts`.

import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const rooms = ["review_ui", "intake"].filter((room) =>
  existsSync(path.join(root, room, "web", "src", "front.json")),
);

// `front.json` says what a room is bundled from: {entries: [...], icons: [...], copies: [...]};
// icons and copies may be left out.
for (const room of rooms) {
  const source = path.join(root, room, "web", "src");
  const target = path.join(root, room, "web", "static", "dist");
  const front = JSON.parse(await readFile(path.join(source, "front.json"), "utf8"));
  await rm(target, { recursive: true, force: true });
  await mkdir(target, { recursive: true });
  const manifest = await bundle(source, target, front.entries);
  if (front.icons) {
    manifest["icons.svg"] = await write(target, "icons.svg", await sprite(front.icons));
  }
  for (const name of front.copies ?? []) {
    manifest[name] = await write(target, name, await readFile(path.join(source, name)));
  }
  await writeFile(path.join(target, "manifest.json"), JSON.stringify(manifest, null, 2) + "\n");
  console.log(`${room}: ${Object.keys(manifest).length} files`);
}

async function bundle(source, target, entries) {
  const result = await build({
    entryPoints: entries.map((name) => path.join(source, name)),
    outdir: target,
    entryNames: "[name]-[hash]",
    assetNames: "[name]-[hash]",
    loader: { ".png": "file", ".svg": "file" },
    bundle: true,
    format: "iife",
    minify: true,
    sourcemap: false,
    legalComments: "linked",
    charset: "utf8",
    target: ["chrome90", "firefox90", "safari15"],
    metafile: true,
    logLevel: "warning",
  });
  const named = {};
  for (const [file, output] of Object.entries(result.metafile.outputs)) {
    if (output.entryPoint) {
      const name = path.basename(output.entryPoint);
      named[name] = path.basename(file);
    }
  }
  return named;
}

async function sprite(icons) {
  const symbols = await Promise.all(icons.map(symbol));
  return `<svg xmlns="http://www.w3.org/2000/svg">\n${symbols.join("\n")}\n</svg>\n`;
}

// `name` is an outline icon of @tabler/icons, or `name-filled` for its filled form.
async function symbol(name) {
  const filled = name.endsWith("-filled");
  const folder = path.join(root, "node_modules", "@tabler", "icons", "icons");
  const file = filled
    ? path.join(folder, "filled", `${name.slice(0, -"-filled".length)}.svg`)
    : path.join(folder, "outline", `${name}.svg`);
  const drawing = (await readFile(file, "utf8"))
    .replace(/^[\s\S]*?<svg[\s\S]*?>/, "")
    .replace(/<\/svg>\s*$/, "")
    .replace(/\s*\n\s*/g, "");
  const paint = filled
    ? 'fill="currentColor"'
    : 'fill="none" stroke="currentColor" stroke-width="2" stroke-linecap="round" stroke-linejoin="round"';
  return `<symbol id="${name}" viewBox="0 0 24 24" ${paint}>${drawing}</symbol>`;
}

async function write(target, name, content) {
  const hash = createHash("sha256").update(content).digest("hex").slice(0, 8).toUpperCase();
  const { name: stem, ext } = path.parse(name);
  const hashed = `${stem}-${hash}${ext}`;
  await writeFile(path.join(target, hashed), content);
  return hashed;
}
