// After "next build": what NGINX serves is in dist/, this adds
//
//   inline-*.js   the pages' inline scripts as files
//   version.txt   what a tab compares with its own build
//   *.gz          of everything that compresses (gzip_static)
import { createHash } from "node:crypto";
import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
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

// Inline scripts become files of their own, so that the Content-Security-Policy
// needs to allow no inline script at all, neither by digest nor by nonce, and
// pages and policy can never be of two builds.  Neighbours go into one file:
// they ran one after the other anyhow.
const INLINE = /(?:<script(?![^>]*\bsrc=)[^>]*>[\s\S]*?<\/script>)+/g;
const ONE = /<script[^>]*>([\s\S]*?)<\/script>/g;

function externalize(html) {
  return html.replace(INLINE, (run) => {
    const body = [...run.matchAll(ONE)].map(([, code]) => code).join(";\n");
    const name = `inline-${createHash("sha256").update(body).digest("hex").slice(0, 16)}.js`;

    mkdirSync(path.join(root, "_next/static/inline"), { recursive: true });
    writeFileSync(path.join(root, "_next/static/inline", name), body);

    return `<script src="/_next/static/inline/${name}"></script>`;
  });
}

for (const file of files(root)) {
  if (file.endsWith(".html")) {
    writeFileSync(file, externalize(readFileSync(file, "utf8")));
  }
}

writeFileSync(path.join(root, "version.txt"), `${process.env.PYTAKE_WEB_BUILD ?? "development"}\n`);

let plain = 0;
let packed = 0;

for (const file of [...files(root)]) {
  if (COMPRESSED.test(file) && statSync(file).size >= SMALLEST) {
    const data = readFileSync(file);
    const gz = gzipSync(data, { level: 9 });

    plain += data.length;
    packed += gz.length;
    writeFileSync(`${file}.gz`, gz);
  }
}

console.log(`dist/: ${Math.round(plain / 1024)} kB, ${Math.round(packed / 1024)} kB compressed`);
