// Builds what the portal serves: scripts, styles, fonts, icon; hashed names, a manifest, compressed copies.
//
// What belongs here: turning `src/` and npm packages into `../static/`. What does not: how files are sent
// (`static_files.py`). Run by `make setup`; `node build.mjs` rebuilds in a second, fonts being kept in `.build/`.
import { createHash } from "node:crypto";
import { mkdir, readFile, readdir, rename, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { isMainThread, parentPort, Worker, workerData } from "node:worker_threads";
import { brotliCompress, constants, gzip } from "node:zlib";

const HERE = dirname(fileURLToPath(import.meta.url));
const KEPT = join(HERE, ".build");
const STATIC = join(HERE, "..", "static");
const FONT = join(HERE, "node_modules", "@fontsource", "pretendard");
const WEIGHTS = [400, 600];

if (isMainThread) await main();
else await subset(workerData);

async function main() {
  await mkdir(KEPT, { recursive: true });
  await writeFile(join(KEPT, "fonts.css"), await fonts());
  const fresh = `${STATIC}.new`;
  await rm(fresh, { recursive: true, force: true });
  const names = await bundle(fresh);
  await writeFile(join(fresh, "manifest.json"), JSON.stringify(names, null, 1) + "\n");
  await compressed(fresh);
  await rm(STATIC, { recursive: true, force: true });
  await rename(fresh, STATIC);
}

/** Scripts and styles by esbuild; plain name -> hashed name of every file that a page or the browser asks for.
 *
 * Chart libraries are built first, each into one file, so that a page with a chart asks for one file more.
 */
async function bundle(folder) {
  const esbuild = await import("esbuild");
  const options = {
    absWorkingDir: HERE,
    outdir: folder,
    bundle: true,
    format: "esm",
    target: ["es2022", "chrome110", "firefox115", "safari16.4"],
    minify: true,
    metafile: true,
    legalComments: "none",
    define: { "process.env.NODE_ENV": '"production"' },
    entryNames: "[name]-[hash]",
    assetNames: "[name]-[hash]",
    loader: { ".woff2": "file", ".svg": "copy" },
    logLevel: "warning",
  };
  const libraries = names(
    await esbuild.build({ ...options, entryPoints: ["src/charts/echarts.js", "src/charts/timeline.js"] }),
  );
  const loadedLater = {
    name: "loaded later",
    setup(build) {
      build.onResolve({ filter: /^\.\/(echarts|timeline)\.js$/ }, ({ path }) => ({
        path: `./${libraries[path.slice(2)]}`,
        external: true,
      }));
    },
  };
  const entryPoints = ["src/portal.js", "src/portal.css", "src/fonts.css", "src/icon.svg"];
  const portal = names(await esbuild.build({ ...options, entryPoints, plugins: [loadedLater] }));
  await licences(folder);
  return Object.fromEntries(Object.entries({ ...libraries, ...portal }).sort());
}

function names({ metafile }) {
  const found = Object.keys(metafile.outputs).map((output) => output.split("/").at(-1));
  return Object.fromEntries(found.map((name) => [name.replace(/-[A-Z0-9]{8}(?=\.)/, ""), name]));
}

/** Texts of the licences of what was bundled, because its comments were removed. */
async function licences(folder) {
  const texts = [];
  for (const name of ["htmx.org", "echarts", "zrender", "uplot", "@fontsource/pretendard"]) {
    const packed = join(HERE, "node_modules", name);
    const file = (await readdir(packed)).find((entry) => /^licen[cs]e/i.test(entry));
    texts.push(`${name}\n\n${await readFile(join(packed, file), "utf8")}`);
  }
  await writeFile(join(folder, "LICENSES.txt"), texts.join("\n\n----\n\n"));
}

/** Pretendard in two slices: what nearly every page needs, and the rest of the 2,350 syllables of KS X 1001.
 *
 * A browser loads a slice when a page has one of its characters. Rarer syllables come from the reader's system.
 */
async function fonts() {
  const common = (await readFile(join(HERE, "common-syllables.txt"), "utf8")).replaceAll("\n", "");
  const known = new Set(common);
  const rest = ksSyllables().filter((syllable) => !known.has(syllable)).join("");
  const slices = { common: latin() + common, rest };
  const rules = await Promise.all(
    WEIGHTS.map(async (weight) => {
      const source = join(FONT, "files", `pretendard-latin-${weight}-normal.woff2`);
      const state = createHash("sha256").update(await readFile(source)).update(JSON.stringify(slices)).digest("hex");
      const parts = Object.entries(slices).map(([name, text]) => ({
        text,
        path: join(KEPT, `pretendard-${weight}-${name}.woff2`),
      }));
      const stamp = join(KEPT, `pretendard-${weight}.state`);
      if ((await readFile(stamp, "utf8").catch(() => "")) !== state) {
        await inWorker({ source, parts });
        await writeFile(stamp, state);
      }
      return parts.map(({ text, path }) => fontFace(weight, path.split("/").at(-1), text)).join("");
    }),
  );
  return rules.join("");
}

function fontFace(weight, file, text) {
  return (
    `@font-face{font-family:"Pretendard";font-weight:${weight};font-style:normal;font-display:swap;` +
    `src:url("./${file}") format("woff2");unicode-range:${ranges(text)}}\n`
  );
}

function ranges(text) {
  const points = [...new Set(text)].map((c) => c.codePointAt(0)).sort((a, b) => a - b);
  const found = [];
  for (const point of points) {
    if (found.length && found.at(-1)[1] === point - 1) found.at(-1)[1] = point;
    else found.push([point, point]);
  }
  const hex = (point) => point.toString(16);
  return found.map(([a, b]) => (a === b ? `U+${hex(a)}` : `U+${hex(a)}-${hex(b)}`)).join(",");
}

function latin() {
  const spans = [[0x20, 0x7e], [0xa0, 0xff], [0x2010, 0x2027], [0x2030, 0x203a], [0x2190, 0x2199], [0x3000, 0x3015], [0x3131, 0x318e]];
  const extra = "₩€™−×÷≤≥≠≈∞•…·※○●◎△▲▽▼☆★□■◇◆♡♥✓";
  const points = spans.flatMap(([a, b]) => Array.from({ length: b - a + 1 }, (_, i) => a + i));
  return [...new Set(String.fromCodePoint(...points) + extra)].join("");
}

function ksSyllables() {
  const decoder = new TextDecoder("euc-kr");
  const found = [];
  for (let row = 0xb0; row <= 0xc8; row++)
    for (let cell = 0xa1; cell <= 0xfe; cell++) found.push(decoder.decode(new Uint8Array([row, cell])));
  return found;
}

function inWorker(data) {
  return new Promise((resolve, reject) => {
    const worker = new Worker(fileURLToPath(import.meta.url), { workerData: data });
    worker.once("message", resolve).once("error", reject);
  });
}

async function subset({ source, parts }) {
  const { default: subsetFont } = await import("subset-font");
  const { default: fontverter } = await import("fontverter");
  const font = await fontverter.convert(await readFile(source), "sfnt");
  for (const { text, path } of parts) {
    await writeFile(path, await subsetFont(font, text, { targetFormat: "woff2", noHinting: true }));
  }
  parentPort.postMessage("done");
}

/** A .br and a .gz beside every text; fonts are compressed already. */
async function compressed(folder) {
  const brotli = promisify(brotliCompress);
  const zip = promisify(gzip);
  const texts = (await readdir(folder)).filter((name) => /\.(js|css|svg|txt)$/.test(name));
  await Promise.all(
    texts.map(async (name) => {
      const content = await readFile(join(folder, name));
      const options = { params: { [constants.BROTLI_PARAM_SIZE_HINT]: content.length } };
      await writeFile(join(folder, `${name}.br`), await brotli(content, options));
      await writeFile(join(folder, `${name}.gz`), await zip(content, { level: 9 }));
    }),
  );
}
