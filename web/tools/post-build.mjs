// After "next build": what NGINX serves is in dist/, this adds
//
//   csp.map       for each page the digests of its inline scripts, which a
//                 strict Content-Security-Policy lists
//   version.txt   what a tab compares with its own build
//   *.gz          of everything that compresses (gzip_static)
import { createHash } from "node:crypto";
import { readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";

const root = fileURLToPath(new URL("../dist/", import.meta.url));
const COMPRESSED = /\.(html|js|css|txt|svg|json|map)$/;
const SMALLEST = 256;

function* files(dir) {
  for (const entry of readdirSync(dir, { withFileTypes: true })) {
    const file = path.join(dir, entry.name);

    if (entry.isDirectory()) {
      yield* files(file);
    } else {
      yield file;
    }
  }
}

function inlineScripts(html) {
  const found = new Set();

  for (const [, attributes, body] of html.matchAll(/<script\b([^>]*)>([\s\S]*?)<\/script>/g)) {
    if (!/\bsrc=/.test(attributes) && body !== "") {
      found.add(`'sha256-${createHash("sha256").update(body, "utf8").digest("base64")}'`);
    }
  }

  return [...found];
}

const all = [...files(root)].filter((f) => !f.endsWith(".gz"));
const lines = [];

for (const file of all.filter((f) => f.endsWith(".html")).sort()) {
  const uri = `/${path.relative(root, file).split(path.sep).join("/")}`;

  lines.push(`${uri} "${inlineScripts(readFileSync(file, "utf8")).join(" ")}";`);
}

writeFileSync(path.join(root, "csp.map"), `${lines.join("\n")}\n`);
writeFileSync(path.join(root, "version.txt"), `${process.env.PYTAKE_WEB_BUILD ?? "development"}\n`);

let plain = 0;
let packed = 0;

for (const file of all) {
  if (COMPRESSED.test(file) && statSync(file).size >= SMALLEST) {
    const data = readFileSync(file);
    const gz = gzipSync(data, { level: 9 });

    plain += data.length;
    packed += gz.length;
    writeFileSync(`${file}.gz`, gz);
  }
}

console.log(
  `dist/: ${lines.length} pages, ${Math.round(plain / 1024)} kB, ${Math.round(packed / 1024)} kB compressed`,
);
