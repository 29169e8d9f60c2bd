// Writes the page into `src/console/assets`, from where the program takes it. With `--watch` it does so
// at every change and serves the page at http://127.0.0.1:8001/console, for a server at port 8000.
import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { cp } from "node:fs/promises";
import { join } from "node:path";
import { context } from "esbuild";

const root = join(import.meta.dirname, "..");
const here = (path) => join(import.meta.dirname, path);
const assets = join(root, "src/console/assets");

const build = await context({
  entryPoints: { console: here("src/main.tsx") },
  outdir: assets,
  bundle: true,
  minify: true,
  format: "esm",
  target: "es2022",
  jsx: "automatic",
  jsxImportSource: "preact",
  legalComments: "inline",
  banner: { js: `// Built by console/build.mjs from ${digest()}` },
  logLevel: "info",
});
await build.rebuild();
await cp(here("src/index.html"), `${assets}/index.html`);

if (process.argv.includes("--watch")) {
  const { serve } = await import("./serve.mjs");
  await build.watch();
  await serve();
  console.log("http://127.0.0.1:8001/console");
} else {
  await build.dispose();
}

/** A digest of the sources, by which a test knows that the page was built from them. */
function digest() {
  const files = ["console/src", "npm/client/src"].flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true }).map((name) => `${folder}/${name.replaceAll("\\", "/")}`),
  );
  // Types leave no trace.
  const built = files.filter((path) => /\.\w+$/.test(path) && path !== "npm/client/src/schema.ts").sort();
  const hash = createHash("sha256");
  for (const path of [...built, "console/package.json"]) {
    hash.update(`${path}\n${readFileSync(join(root, path), "utf8").replaceAll("\r", "")}`);
  }
  return hash.digest("hex");
}
