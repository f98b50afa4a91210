// Runs a class of GDScript, as far as the addon goes: it is translated to JavaScript, line by line. What is not known here
// becomes a mistake in JavaScript, and so an error.
//
//   load(source, engine) -> new class: its members by name; signals have connect and emit
//
// engine has the names of the engine that the class uses. A class is one closure: its variables and functions are local
// names there, as members without "self" are in GDScript.

/** A Dictionary: its entries are properties, as "message.id" reads them. */
const methods = {
  get: (d) => (key, other = null) => (key in d ? d[key] : other),
  has: (d) => (key) => key in d,
  erase: (d) => (key) => delete d[key],
  keys: (d) => () => Object.keys(d).map((key) => (/^\d+$/.test(key) ? Number(key) : key)),
  clear: (d) => () => Object.keys(d).forEach((key) => delete d[key]),
};
const dictionary = (entries = {}) =>
  new Proxy(Object.assign(Object.create(null), entries), { get: (d, key) => (Object.hasOwn(d, key) ? d[key] : methods[key]?.(d)) });

/** What JSON.parse_string returns: dictionaries within dictionaries. */
function variant(value) {
  if (Array.isArray(value)) return value.map(variant);
  if (!value || typeof value !== "object") return value;
  return dictionary(Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, variant(inner)])));
}

function signal() {
  const callables = [];
  return { connect: (callable) => void callables.push(callable), emit: (...args) => callables.forEach((callable) => callable(...args)) };
}

for (const [name, method] of Object.entries({
  append(item) { this.push(item); }, size() { return this.length; }, clear() { this.length = 0; },
})) Object.defineProperty(Array.prototype, name, { value: method });
Object.defineProperty(String.prototype, "is_valid_identifier", { value() { return /^[A-Za-z_]\w*$/.test(this); } });

const builtins = {
  $dictionary: dictionary, $signal: signal,
  $bind: (callable, ...bound) => (...args) => callable(...args, ...bound),
  $in: (item, list) => list.includes(item),
  $format: (text, value) => text.replace("%s", value),
  $typeof: (value) => (value && typeof value === "object" && !Array.isArray(value) ? "dictionary" : typeof value),
  TYPE_DICTIONARY: "dictionary", OK: 0, FAILED: 1, ERR_UNAVAILABLE: 2,
  int: Math.trunc, minf: Math.min, maxi: Math.max, randf: Math.random,
  PackedStringArray: (list) => list,
  error_string: (error) => `error ${error}`,
  JSON: {
    stringify: JSON.stringify,
    parse_string(text) {
      try {
        return variant(JSON.parse(text));
      } catch {
        return null;
      }
    },
  },
};

/** An expression. What is in quotes stays as it is. @param {string} text */
function expression(text) {
  const quoted = [];
  const bare = text.replace(/"(?:[^"\\]|\\.)*"/g, (s) => `"${quoted.push(s) - 1}"`)
    .replace(/("\d+") % ([\w.]+(?:\([^()]*\))?)/g, "$format($1, $2)")
    .replace(/([\w.]+(?:\([^()]*\))?) in (\[[^\]]*\]|[A-Z_]+)/g, "$in($1, $2)")
    .replace(/^((?:return |[^=]*[^=!<>]= ?)?)(.+) if (.+) else (.+)$/, "$1($3) ? $2 : $4")
    .replace(/\bnot /g, "!").replace(/ and /g, " && ").replace(/ or /g, " || ")
    .replace(/([\w.]+)\.bind\(/g, "$$bind($1, ")
    .replace(/\btypeof\(/g, "$$typeof(")
    .replace(/\.replace\(/g, ".replaceAll(")
    .replace(/\b(_ice) \+ (ice_servers)\b/, "[...$1, ...$2]") // arrays
    .replace(/\{/g, "$$dictionary({").replace(/\}/g, "})");
  return bare.replace(/"(\d+)"/g, (_, i) => quoted[i]);
}

const parameters = (text) => text.split(/, ?/).filter(Boolean).map((p) => p.replace(/: ?[\w\[\], ]+?(?= ?=|$)/, "").replace(":=", "=")).join(", ");

/** A line that opens a block, or one of its own. @param {string} line */
function statement(line) {
  const rules = [
    [/^func (\w+)\((.*)\)(?: -> [\w\[\]]+)?:$/, (_, name, list) => `function ${name}(${parameters(list)}) {`],
    [/^if (.+):$/, (_, is) => `if (${expression(is)}) {`],
    [/^elif (.+):$/, (_, is) => `else if (${expression(is)}) {`],
    [/^else:$/, () => "else {"],
    [/^while (.+):$/, (_, is) => `while (${expression(is)}) {`],
    [/^for (\w+)(?:: \w+)? in (.+):$/, (_, name, list) => `for (const ${name} of ${expression(list)}) {`],
    [/^match (.+):$/, (_, what) => `switch (${expression(what)}) {`],
    [/^(?:@export )?var (\w+)(?:: ?[\w\[\]]+)? ?:?= ?(.+)$/, (_, name, value) => `let ${name} = ${expression(value)};`],
    [/^(?:@export )?var (\w+)(?:: ?[\w\[\]]+)?$/, (_, name) => `let ${name} = null;`],
    [/^const (\w+) ?:?= ?(.+)$/, (_, name, value) => `const ${name} = ${expression(value)};`],
    [/^signal (\w+)\(.*\)$/, (_, name) => `const ${name} = $signal();`],
    [/^(?:class_name|extends) .*$/, () => ""],
    [/^pass$/, () => ";"],
    [/^(.+)$/, (_, rest) => expression(rest) + ";"],
  ];
  const [pattern, write] = rules.find(([pattern]) => pattern.test(line));
  return line.replace(pattern, write);
}

/** Leaves out comments. @param {string} line */
const code = (line) => line.replace(/^((?:[^"#]|"(?:[^"\\]|\\.)*")*)#.*$/, "$1").trimEnd();

/** @param {string} source */
function translate(source) {
  const out = [], open = []; // the blocks around a line: {depth, end, isMatch}
  const names = [];
  for (const raw of source.split("\n")) {
    const text = code(raw), line = text.trim(), depth = text.length - text.trimStart().length; // tabs
    if (!line) continue;
    while (open.length && open.at(-1).depth >= depth) out.push(open.pop().end);
    const inner = line.match(/^class (\w+):$/);
    const name = depth === 0 && line.match(/^(?:@export )?(?:func|var|signal) (\w+)/)?.[1];
    if (name) names.push([name, line.startsWith("@export") || line.startsWith("var")]);
    if (inner) {
      // The fields of an object are the names around its functions.
      out.push(`const ${inner[1]} = { new() { const self = {}; with (self) {`);
      open.push({ depth, end: "} return self; } };", isClass: true });
    } else if (open.at(-1)?.isMatch) {
      out.push(`case ${expression(line.replace(/:$/, ""))}: {`);
      open.push({ depth, end: "break; }" });
    } else if (open.at(-1)?.isClass && line.startsWith("var ")) {
      out.push(statement(line).replace(/^let (\w+)/, "self.$1"));
    } else if (open.at(-1)?.isClass) {
      out.push(`self.${line.match(/^func (\w+)/)[1]} = ${statement(line)}`);
      open.push({ depth, end: "};" });
    } else {
      out.push(statement(line));
      if (line.endsWith(":")) open.push({ depth, end: "}", isMatch: line.startsWith("match ") });
    }
  }
  while (open.length) out.push(open.pop().end);
  const members = names.map(([name, changes]) => changes ? `get ${name}() { return ${name}; }, set ${name}(v) { ${name} = v; }` : name);
  return `${out.join("\n")}\nreturn { ${members.join(", ")} };`;
}

/** @param {string} source @param {Record<string, any>} engine */
export function load(source, engine) {
  const scope = { ...builtins, ...engine };
  return new Function(...Object.keys(scope), translate(source))(...Object.values(scope));
}
