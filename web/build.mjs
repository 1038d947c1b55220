// Bundles the pages' scripts and styles into a folder, with the licences of what is in them.
// usage: node build.mjs FOLDER
import { copyFile, mkdir, writeFile } from "node:fs/promises";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { licences } from "./licences.mjs";

const web = fileURLToPath(new URL(".", import.meta.url));

// Each script holds all that it needs, so that it can stand in a file alone.
const bundles = {
  "explorer.js": "src/main.tsx",
  "explorer.css": "src/style.css",
  "report.js": "src/report.ts",
};
const copies = { "ort.wasm": "node_modules/onnxruntime-web/dist/ort-wasm-simd-threaded.wasm" };

const options = {
  absWorkingDir: web,
  bundle: true,
  minify: true,
  format: "esm",
  target: "es2022",
  jsx: "automatic",
  jsxImportSource: "preact",
  // ONNX Runtime looks for files beside its script. In a page from disk there are none, and Firefox refuses the address.
  define: { "import.meta.url": "undefined" },
  legalComments: "none", // LICENSES.txt holds them, and the rest of each licence.
  logLevel: "warning",
  metafile: true,
};

const folder = path.resolve(process.argv[2]);
await mkdir(folder, { recursive: true });
const inputs = Object.values(copies);
for (const [name, source] of Object.entries(bundles)) {
  const outfile = path.join(folder, name);
  // It says itself what is wrong.
  const { metafile } = await build({ ...options, entryPoints: [source], outfile }).catch(() => process.exit(1));
  inputs.push(...Object.keys(metafile.inputs));
}
for (const [name, source] of Object.entries(copies)) {
  await copyFile(path.join(web, source), path.join(folder, name));
}
await writeFile(path.join(folder, "LICENSES.txt"), await licences(web, inputs));
