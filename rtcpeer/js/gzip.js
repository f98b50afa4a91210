// Writes each of the named files beside it, gzipped by Zopfli: 3 % smaller than by zlib.

import { readFileSync, writeFileSync } from "node:fs";
import { gzipAsync } from "@gfx/zopfli";

for (const name of process.argv.slice(2)) {
  writeFileSync(name + ".gz", await gzipAsync(readFileSync(name), { numiterations: 15 }));
}
