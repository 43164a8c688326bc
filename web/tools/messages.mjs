// node tools/messages.mjs: writes src/locales/en.json, every English message of the sources.
// node tools/messages.mjs --check: fails if that is out of date, if a catalogue has a message that no source
// has, or if it lacks or invents a {value}.
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..', 'src');
const walk = (path) => (statSync(path).isDirectory() ? readdirSync(path).flatMap((n) => walk(join(path, n))) : [path]);
const found = new Set();
for (const file of walk(root).filter((f) => /\.tsx?$/.test(f))) {
  const text = readFileSync(file, 'utf8');
  for (const m of text.matchAll(/\bt\(\s*'((?:[^'\\]|\\.)+)'/g)) found.add(m[1].replaceAll("\\'", "'"));
  // Tables of labels that are shown through t().
  for (const m of text.matchAll(/(?:\b(?:name|label|hint|FLASH|IMMEDIATE|PRIORITY|ROUTINE|[A-F]|status|tokens|quarantine|settings|read|share|audit|admin)|'[1-6]'): '((?:[^'\\]|\\.)+)'/g)) found.add(m[1].replaceAll("\\'", "'"));
}
const all = Object.fromEntries([...found].sort().map((text) => [text, text]));
const english = join(root, 'locales', 'en.json');
const wanted = `${JSON.stringify({ review: 'original', messages: all }, null, 1)}\n`;
if (!process.argv.includes('--check')) {
  writeFileSync(english, wanted);
  console.log(`${found.size} messages`);
  process.exit(0);
}
const bad = [];
if (readFileSync(english, 'utf8') !== wanted) bad.push('en.json is out of date: node tools/messages.mjs');
const values = (text) => [...text.matchAll(/\{(\w+)\}/g)].map((m) => m[1]).sort().join();
for (const name of readdirSync(join(root, 'locales')).filter((n) => n !== 'en.json')) {
  const { messages } = JSON.parse(readFileSync(join(root, 'locales', name), 'utf8'));
  for (const [key, text] of Object.entries(messages)) {
    if (!found.has(key)) bad.push(`${name}: no source has “${key}”`);
    if (values(key) !== values(text)) bad.push(`${name}: “${key}” and its translation name other values`);
  }
}
for (const line of bad) console.error(line);
console.log(bad.length ? `${bad.length} problems` : 'messages: good');
process.exit(bad.length ? 1 : 0);
