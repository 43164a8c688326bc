// Real nodes, a real browser: what the browser tests and the screenshots share.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const SOURCE = join(dirname(fileURLToPath(import.meta.url)), '..', '..');
const require = createRequire(join(SOURCE, 'web', 'package.json'));
const { chromium } = require('playwright-core');
export const AXE = readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8');
export const PATIENCE_MS = Number(process.env.AMIC_TEST_PATIENCE_S ?? 60) * 1000;

let passed = 0;
let failed = 0;
export function check(condition, name, detail = '') {
  if (condition) {
    ++passed;
    console.log(`PASS: ${name}`);
  } else {
    ++failed;
    console.log(`FAIL: ${name}${detail ? `: ${detail}` : ''}`);
  }
}
export const totals = () => ({ passed, failed });

const free = (port) =>
  new Promise((resolve) => {
    const probe = createServer().once('error', () => resolve(false));
    probe.listen(port, '127.0.0.1', () => probe.close(() => resolve(true)));
  });

// A demonstration community of this program on loopback, in a directory that goes with it.
export class Community {
  static async start(amic, members, options = []) {
    const out = new Community();
    out.amic = amic;
    out.dir = mkdtempSync(join(tmpdir(), 'amic-browser-'));
    let base = 0;
    for (let i = 0; i < 50 && !base; ++i) {
      const port = 20_000 + Math.floor(Math.random() * 110) * 100;
      if ((await free(port)) && (await free(port + 100))) base = port;
    }
    const done = spawnSync(amic, ['demo', '--members', String(members), '--dir', join(out.dir, 'demo'), '--data', join(SOURCE, 'data'), '--port-base', String(base), '--detach', ...options], { encoding: 'utf8', timeout: PATIENCE_MS * 4 });
    if (done.status !== 0) throw new Error(`amic demo: ${done.stderr}${done.stdout}`);
    out.nodes = new Map();
    for (const match of done.stdout.matchAll(/^([A-Z]{2})\s+(http:\/\/[\d.:]+)\s+(amic_\S+)$/gm)) out.nodes.set(match[1], { url: match[2], token: match[3] });
    out.links = [...done.stdout.matchAll(/^\s+([A-Z]{2})\s+(http:\S+\/login#\S+)/gm)].map((m) => ({ member: m[1], url: m[2] }));
    return out;
  }
  // A new log-in link: as the administrator, or as the user of the demonstration.
  async link(member, administrator = false) {
    const node = this.nodes.get(member);
    if (administrator) return this.run('token', 'link', '--dir', join(this.dir, 'demo', member.toLowerCase())).trim();
    const made = await this.call(member, 'POST', '/api/v1/session/codes', {});
    return `${node.url}/login#${made.code}`;
  }
  run(...args) {
    const done = spawnSync(this.amic, args, { encoding: 'utf8', timeout: PATIENCE_MS });
    if (done.status !== 0) throw new Error(`amic ${args.join(' ')}: ${done.stderr}`);
    return done.stdout;
  }
  async call(member, method, path, body) {
    const { url, token } = this.nodes.get(member);
    const response = await fetch(url + path, { method, headers: { authorization: `Bearer ${token}` }, ...(body === undefined ? {} : { body: JSON.stringify(body) }) });
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${await response.text()}`);
    return response.status === 204 ? null : response.json();
  }
  async share(member, to, { title, precedence = 'ROUTINE', place = 'Phillip Channel', at = [1.09, 103.73], text = '', labels = ['spotrep', 'maritime', 'admiralty-scale:source-reliability="b"', 'admiralty-scale:information-credibility="2"', 'estimative-language:likelihood-probability="very-likely"'], classification = 'RESTRICTED' }) {
    const now = new Date().toISOString();
    const id = (type) => `${type}--${crypto.randomUUID()}`;
    const common = (type, own) => ({ type, spec_version: '2.1', id: own, created: now, modified: now });
    const [who, where] = [id('identity'), id('location')];
    const objects = [
      { ...common('identity', who), name: 'Synthetic watch floor', identity_class: 'organization' },
      ...(at ? [{ ...common('location', where), name: place, latitude: at[0], longitude: at[1] }] : []),
      { ...common('report', id('report')), name: title, description: text || 'Synthetic.', published: now, labels, created_by_ref: who, object_refs: at ? [where, who] : [who] },
    ];
    return this.call(member, 'POST', '/api/v1/items', { marking: { classification, rel_to: to, tlp: 'TLP:AMBER' }, precedence, bundle: { type: 'bundle', id: id('bundle'), objects } });
  }
  stop() {
    spawnSync(this.amic, ['demo', '--dir', join(this.dir, 'demo'), '--stop'], { timeout: PATIENCE_MS });
    rmSync(this.dir, { recursive: true, force: true });
  }
}

export async function openBrowser() {
  const executablePath = ['/usr/bin/chromium', '/usr/bin/chromium-browser'].find(existsSync);
  if (!executablePath) throw new Error('Debian’s chromium is needed: apt-get install chromium');
  return chromium.launch({ executablePath, args: ['--no-sandbox', '--disable-gpu', '--autoplay-policy=no-user-gesture-required'] });
}

// A page that remembers everything a content policy, a console or a foreign request could say.
export async function openPage(browser, options = {}) {
  const context = await browser.newContext({ viewport: { width: 1440, height: 900 }, timezoneId: 'Asia/Singapore', ...options });
  const page = await context.newPage();
  page.setDefaultTimeout(PATIENCE_MS);
  page.said = [];
  page.foreign = [];
  page.expected = [];
  page.on('console', (message) => {
    if (!['error', 'warning'].includes(message.type())) return;
    // A refusal that a test provokes is written to the console by the browser itself.
    if (page.expected.some((rx) => rx.test(message.text()))) return;
    page.said.push(message.text());
  });
  page.on('pageerror', (error) => page.said.push(String(error)));
  page.on('request', (request) => {
    const url = new URL(request.url());
    const own = page.url() === 'about:blank' || url.origin === new URL(page.url()).origin;
    if (!own && url.protocol !== 'blob:') page.foreign.push(request.url());
  });
  await page.addInitScript(() => {
    window.reports = [];
    document.addEventListener('securitypolicyviolation', (event) => window.reports.push(`${event.violatedDirective} ${event.blockedURI}`));
  });
  return page;
}

export async function clean(page, name) {
  const reports = await page.evaluate(() => window.reports);
  check(reports.length === 0, `${name}: no report of the content policy`, reports.join('; '));
  check(page.said.length === 0, `${name}: nothing on the console`, page.said.join('; '));
  check(page.foreign.length === 0, `${name}: nothing asked of another origin`, page.foreign.join('; '));
  page.said = [];
  page.foreign = [];
}

// Runs outside the page's content policy, as an extension would.
export async function axe(page, name) {
  const session = await page.context().newCDPSession(page);
  await session.send('Runtime.evaluate', { expression: AXE });
  const { result } = await session.send('Runtime.evaluate', { expression: `axe.run(document,{resultTypes:['violations']}).then(r=>JSON.stringify(r.violations.map(v=>v.id+': '+v.nodes.slice(0,4).map(n=>n.target.join(' ')+' '+(n.any[0]?.message??'')).join(' | '))))`, awaitPromise: true, returnByValue: true });
  const violations = JSON.parse(result.value);
  check(violations.length === 0, `${name}: axe finds nothing`, violations.join('\n   '));
  await session.detach();
}

