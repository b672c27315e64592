// What no linter knows of this house: nothing outside of src/styles/tokens.css
// names a colour, a radius or a shadow; texts live in src/i18n.
import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../src/", import.meta.url));

const RULES = [
  [/#[0-9a-fA-F]{3,8}\b(?![^"'`]*\$\{)/, "a raw colour: use a token"],
  [/\b(rgb|rgba|hsl|oklch)\(/, "a raw colour: use a token"],
  [
    /\b(?:bg|text|border|ring|fill|stroke|from|to|via)-(?:gray|slate|zinc|neutral|stone|red|orange|amber|yellow|green|emerald|teal|cyan|sky|blue|indigo|violet|purple|pink|rose|black|white)(?:-\d+)?\b/,
    "a palette class: use a token",
  ],
  [
    /\brounded(?:-[a-z]{1,2})?(?=["'\s`])/,
    "a bare radius: rounded-control, -card, -bubble, -mark, -full",
  ],
  [/\brounded-(?:[tblr]{1,2}-)?\[/, "a raw radius: use a token"],
  [
    /\bshadow(?:-(?:sm|md|lg|xl|2xl|\[))?(?=["'\s`[])/,
    "a bare shadow: shadow-float or shadow-modal",
  ],
  [/:\s*any\b|\bas any\b|<any>/, "any"],
  [/@ts-ignore|@ts-expect-error/, "a silenced check"],
  [/localStorage\.setItem\([^)]*[tT]oken/, "a token at rest"],
  [/dangerouslySetInnerHTML|\.innerHTML\b/, "markup from a text"],
  [
    /[>"'`{]\s*[A-ZÁÉÍÓÚÂÊÔÃÕÇ][a-záéíóúâêôãõç]+ [a-záéíóúâêôãõç]+ [a-záéíóúâêôãõç]+[^"'`;={}]*</,
    "a text: src/i18n",
  ],
];

function* files(dir) {
  for (const entry of readdirSync(dir, { withFileTypes: true })) {
    const file = path.join(dir, entry.name);

    if (entry.isDirectory()) {
      yield* files(file);
    } else if (/\.(ts|tsx|css)$/.test(entry.name)) {
      yield file;
    }
  }
}

let faults = 0;

for (const file of files(root)) {
  const name = path.relative(root, file);

  if (name === "styles/tokens.css" || /\.test\.tsx?$/.test(name)) {
    continue;
  }

  const lines = readFileSync(file, "utf8").split("\n");

  if (lines.length > 400 && !name.startsWith("i18n/")) {
    console.log(`src/${name}: ${lines.length} lines, 400 are enough`);
    faults++;
  }

  lines.forEach((line, i) => {
    if (/^\s*(\*|\/\*|\/\/)/.test(line)) {
      return;
    }
    for (const [rule, why] of RULES) {
      if (rule.test(line)) {
        console.log(`src/${name}:${i + 1}: ${why}: ${line.trim().slice(0, 90)}`);
        faults++;
      }
    }
  });
}

process.exit(faults === 0 ? 0 : 1);
