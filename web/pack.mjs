// Compresses what vite has built and writes the C++ file that embeds it. node pack.mjs FOLDER: reads
// FOLDER/dist, writes FOLDER/blobs, FOLDER/web_assets_data.cc.in and FOLDER/sizes.json.
import { brotliCompressSync, constants, gzipSync } from 'node:zlib';
import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { extname, join, relative } from 'node:path';

const folder = process.argv[2];
const types = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.json': 'application/json',
  '.svg': 'image/svg+xml',
  '.woff2': 'font/woff2',
  '.txt': 'text/plain; charset=utf-8',
};
const walk = (path) =>
  statSync(path).isDirectory() ? readdirSync(path).flatMap((name) => walk(join(path, name))) : [path];

mkdirSync(join(folder, 'blobs'), { recursive: true });
const lines = [];
const rows = [];
const sizes = [];
let number = 0;
const blob = (bytes) => {
  const name = `b${number++}`;
  writeFileSync(join(folder, 'blobs', name), bytes);
  lines.push(
    `__asm__(".section .rodata\\n.balign 16\\n.global amic_web_${name}\\namic_web_${name}:\\n` +
      `.incbin \\"@BLOBS@/${name}\\"\\n.byte 0\\n.previous\\n");`,
    `extern "C" char const amic_web_${name}[];`,
  );
  return `std::string_view(amic_web_${name}, ${bytes.length})`;
};
// A coding that saves less than a tenth is not worth the reader's work.
const worth = (packed, plain) => packed.length < plain.length * 0.9;

const dist = join(folder, 'dist');
for (const file of walk(dist).sort()) {
  const type = types[extname(file)];
  if (!type) throw new Error(`no media type for ${file}`);
  const plain = readFileSync(file);
  const brotli = brotliCompressSync(plain, {
    params: { [constants.BROTLI_PARAM_QUALITY]: 11, [constants.BROTLI_PARAM_SIZE_HINT]: plain.length },
  });
  const gzip = gzipSync(plain, { level: 9 });
  const path = '/' + relative(dist, file).replaceAll('\\', '/');
  const packed = [plain, worth(gzip, plain) ? gzip : null, worth(brotli, plain) ? brotli : null];
  rows.push(`    {"${path}", "${type}", ${packed.map((b) => (b ? blob(b) : 'std::string_view()')).join(', ')}},`);
  sizes.push({ path, bytes: plain.length, gzip: gzip.length, brotli: brotli.length });
}
writeFileSync(
  join(folder, 'web_assets_data.cc.in'),
  `// Made by web/pack.mjs.\n#include "api/web_assets.h"\n\n${lines.join('\n')}\n
namespace amic::api {
std::span<WebAsset const> web_assets() {
  static WebAsset const all[] = {\n${rows.join('\n')}\n  };
  return all;
}
}  // namespace amic::api
`,
);
writeFileSync(join(folder, 'sizes.json'), JSON.stringify(sizes, null, 1));
