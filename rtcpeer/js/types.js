// Makes rtcpeer.d.ts, which is one file as the bundle is: the declarations of the modules that have a part in the
// contract, one after the other, without what one imports from another; and those of the modules beside it. npm run types; --check only compares.

import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const folder = fileURLToPath(new URL(".", import.meta.url));
const out = mkdtempSync(join(tmpdir(), "rtcpeer-types-"));
const shipped = [];
const tsc = (...args) => execFileSync(join(folder, "node_modules/.bin/tsc"), args, { encoding: "utf8" });
try {
  tsc("--project", folder, "--outDir", out);
  ship("rtcpeer.d.ts", "", [join(folder, "src/types"), ...["errors", "secret", "node", "join"].map((name) => join(out, name))]);
  ship("transfer.d.ts", 'import type { ErrorCode, Event, RtcNode } from "./rtcpeer.js";\n\n', [join(folder, "src/transfer/types"), ...["errors", "files", "offer", "name"].map((name) => join(out, "transfer", name))]);
  ship("times.d.ts", "", [join(out, "times")]);
  ship("migration.d.ts", "", [join(out, "migration")]);
  ship("requests.d.ts", 'import type { Bytes, EndedEvent, Event, RtcNode } from "./rtcpeer.js";\n\n', [join(out, "requests")]);
  ship("relay-links.d.ts", 'import type { RelayLinks } from "./rtcpeer.js";\n\n', [join(out, "relay-links")]);
  tsc("--strict", "--noEmit", "--ignoreConfig", "--target", "es2022", "--module", "esnext", "--moduleResolution", "bundler", "--lib", "es2022,dom", ...shipped);
} finally {
  rmSync(out, { recursive: true });
}

/** Writes a file of declarations, or compares it. All of them are checked at once, in the end. */
function ship(name, head, parts) {
  const file = join(folder, name);
  const lines = parts.flatMap((part) => readFileSync(part + ".d.ts", "utf8").trim().split("\n"));
  const types = head + lines.filter((line) => !/^(import |\/\*\* @import |\/\/ The (types|options))/.test(line)).join("\n").trim() + "\n";
  if (!process.argv.includes("--check")) writeFileSync(file, types);
  else if (readFileSync(file, "utf8") !== types) throw new Error(name + " is not up to date: npm run types");
  shipped.push(file);
}
