// What a browser must fetch before the inbox works: the scripts that the page
// names, compressed as NGINX sends them.  Prints TAP.
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";

const LIMIT_KB = 220;
const dist = fileURLToPath(new URL("../dist/", import.meta.url));
const page = readFileSync(`${dist}inbox.html`, "utf8");
const scripts = new Set(
  [...page.matchAll(/<(?:script|link)\b[^>]*?\b(?:src|href)="\/([^"?]+\.js)(?:\?[^"]*)?"[^>]*>/g)]
    .filter(([tag]) => !/\bnomodule\b/i.test(tag))
    .map(([, name]) => name),
);

let bytes = 0;

for (const name of scripts) {
  bytes += gzipSync(readFileSync(dist + decodeURIComponent(name)), { level: 9 }).length;
}

const kb = bytes / 1024;
const good = scripts.size > 0 && kb <= LIMIT_KB;

console.log(
  `${good ? "ok" : "not ok"} 1 - the inbox's ${scripts.size} scripts are ${kb.toFixed(1)} kB of ${LIMIT_KB} kB`,
);
console.log("1..1");
process.exit(good ? 0 : 1);
