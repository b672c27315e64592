// Completes package-lock.json after "npm install".
//
// A registry that has no package for some other platform leaves it out of the
// lock, and "npm ci" then refuses the whole lock.  This adds what is missing
// as optional packages of that platform, without a digest: npm skips them.
import { readFileSync, writeFileSync } from "node:fs";

const file = new URL("../package-lock.json", import.meta.url);
const lock = JSON.parse(readFileSync(file, "utf8"));
const libc = { gnu: "glibc", musl: "musl" };
let added = 0;

for (const [where, pkg] of Object.entries({ ...lock.packages })) {
  for (const [name, version] of Object.entries(pkg.optionalDependencies ?? {})) {
    const places = [`${where}/node_modules/${name}`, `node_modules/${name}`];

    if (places.some((place) => lock.packages[place]?.integrity !== undefined)) {
      continue;
    }

    const parts = name.split("/").at(-1).split("-");
    const os = parts
      .map((p) => (p === "windows" ? "win32" : p))
      .find((p) => ["android", "darwin", "freebsd", "linux", "win32"].includes(p));
    const cpu = parts.find((p) => ["arm", "arm64", "ia32", "x64", "wasm32"].includes(p));

    lock.packages[`node_modules/${name}`] = {
      version: version.replace(/^[\^~]/, ""),
      optional: true,
      ...(pkg.dev ? { dev: true } : {}),
      ...(os ? { os: [os] } : {}),
      ...(cpu ? { cpu: [cpu] } : {}),
      ...(libc[parts.at(-1)] ? { libc: [libc[parts.at(-1)]] } : {}),
    };
    added++;
  }
}

lock.packages = Object.fromEntries(
  Object.entries(lock.packages).sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)),
);
writeFileSync(file, `${JSON.stringify(lock, null, 2)}\n`);
console.log(`package-lock.json: ${added} packages of other platforms added`);
