// The licences of the packages that a bundle is made of.
import { readdir, readFile } from "node:fs/promises";
import path from "node:path";

const HEAD = "The scripts and the WebAssembly file beside this file are made of these packages.\n";

// Packages that come without the text of their licence, which is MIT's: what it begins with.
const HOLDERS = { "onnxruntime-web": "Copyright (c) Microsoft Corporation" };

const NOTES = {
  "onnxruntime-web":
    "It contains onnxruntime-common, of the same licence. ort.wasm is compiled from ONNX Runtime,\n" +
    "whose source holds the notices of the libraries in it, in its file ThirdPartyNotices.txt:\n" +
    "https://github.com/microsoft/onnxruntime/blob/v{version}/ThirdPartyNotices.txt\n\n",
};

const MIT = `Permission is hereby granted, free of charge, to any person obtaining a copy
of this software and associated documentation files (the "Software"), to deal
in the Software without restriction, including without limitation the rights
to use, copy, modify, merge, publish, distribute, sublicense, and/or sell
copies of the Software, and to permit persons to whom the Software is
furnished to do so, subject to the following conditions:

The above copyright notice and this permission notice shall be included in all
copies or substantial portions of the Software.

THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR
IMPLIED, INCLUDING BUT NOT LIMITED TO THE WARRANTIES OF MERCHANTABILITY,
FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE
AUTHORS OR COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER
LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR OTHERWISE, ARISING FROM,
OUT OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE
SOFTWARE.`;

/** Returns the text of LICENSES.txt, of a bundle that was made of `files` in the folder `web`. */
export async function licences(web, files) {
  const folders = new Set(files.map(packageFolder).filter(Boolean));
  const texts = [...folders].sort().map((folder) => licence(path.join(web, folder)));
  return [HEAD, ...(await Promise.all(texts))].join(`\n${"-".repeat(80)}\n\n`);
}

function packageFolder(file) {
  return file.match(/^.*node_modules\/(?:@[^/]+\/)?[^/]+/)?.[0];
}

async function licence(folder) {
  const description = await readFile(path.join(folder, "package.json"), "utf8");
  const { name, version, license } = JSON.parse(description);
  const note = NOTES[name]?.replace("{version}", version) ?? "";
  const file = (await readdir(folder)).find((entry) => /^(licen[cs]e|copying)/i.test(entry));
  const text = file ? await readFile(path.join(folder, file), "utf8") : plainText(name, license);
  return `${name} ${version} (${license})\n\n${note}${text.trim()}\n`;
}

function plainText(name, license) {
  if (!(name in HOLDERS) || license !== "MIT") throw new Error(`${name} has no text of its licence`);
  return `MIT License\n\n${HOLDERS[name]}\n\n${MIT}`;
}
