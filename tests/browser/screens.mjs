// Each screen opens, does its main thing, and says nothing wrong.
import { axe, check, clean, Community, openBrowser, openPage, totals } from './harness.mjs';

const amic = process.argv[2];
const community = await Community.start(amic, 3, ['--no-traffic']);
const browser = await openBrowser();

async function login(page, member, administrator = false) {
  await page.goto(await community.link(member, administrator));
  await page.waitForSelector('.feed .row');
}
async function theme(page, wanted) {
  await page.evaluate((value) => localStorage.setItem('amic.theme', JSON.stringify(value)), wanted);
  await page.reload();
  await page.waitForFunction((value) => document.documentElement.dataset.theme === value, wanted);
}
async function go(page, path, ready) {
  await page.goto(new URL(path, page.url()).href);
  await page.waitForSelector(ready);
}

async function logins() {
  const { url, token } = community.nodes.get('BN');
  const page = await openPage(browser);
  page.expected.push(/401/);
  await page.goto(`${url}/watch`);
  await page.waitForSelector('.login form');
  await axe(page, 'log-in, dark');
  await page.fill('#token', 'amic_wrong');
  await page.click('.login button.primary');
  await page.waitForSelector('#login-note:not(:empty)');
  check(true, 'a wrong token is refused in words');
  await page.fill('#token', token);
  await page.press('#token', 'Enter');
  await page.waitForSelector('.feed .row');
  const kept = await page.evaluate(() => JSON.stringify([{ ...localStorage }, { ...sessionStorage }, document.cookie]));
  check(!kept.includes(token.slice(5)), 'the token is nowhere in the browser');
  const cookies = await page.context().cookies();
  check(cookies.length === 1 && cookies[0].httpOnly && cookies[0].sameSite === 'Strict' && cookies[0].value !== token, 'the cookie is HttpOnly and SameSite=Strict', JSON.stringify(cookies.map((c) => ({ ...c, value: '' }))));
  const answer = await fetch(`${url}/api/v1/items?dry_run=true`, { method: 'POST', body: '{}', headers: { cookie: `${cookies[0].name}=${cookies[0].value}`, origin: 'http://127.0.0.1:1' } });
  check(answer.status === 403, 'another origin can change nothing with the cookie', String(answer.status));
  const bare = await fetch(`${url}/api/v1/items?dry_run=true`, { method: 'POST', body: '{}', headers: { cookie: `${cookies[0].name}=${cookies[0].value}` } });
  check(bare.status === 403, 'nor can a request that does not say where it is from', String(bare.status));
  await page.click('button[aria-label="Log out"]');
  await page.waitForSelector('.login form');
  const after = await fetch(`${url}/api/v1/session`, { headers: { cookie: `${cookies[0].name}=${cookies[0].value}` } });
  check(after.status === 401, 'after a log-out the cookie opens nothing', String(after.status));
  await clean(page, 'log-in');
  const link = await community.link('BN');
  await page.goto(link);
  await page.waitForSelector('.feed .row');
  check(!page.url().includes('#') && !(await page.evaluate(() => location.hash)), 'the code of a link leaves the address at once');
  const other = await openPage(browser);
  other.expected.push(/401/);
  await other.goto(link);
  await other.waitForSelector('.login form');
  check((await other.textContent('#login-note')).includes('used before'), 'a link logs in once');
  await other.context().close();
  await page.context().close();
}

async function headers() {
  const { url } = community.nodes.get('BN');
  const index = await fetch(`${url}/`);
  const html = await index.text();
  const policy = index.headers.get('content-security-policy') ?? '';
  check(policy.startsWith("default-src 'none'") && policy.includes("require-trusted-types-for 'script'") && !policy.includes('unsafe'), 'the content policy is strict', policy);
  check(index.headers.get('cache-control') === 'no-store' && index.headers.get('x-content-type-options') === 'nosniff' && index.headers.get('referrer-policy') === 'no-referrer', 'the page is not kept, not sniffed, sends no referrer');
  const script = /src="(\/assets\/[^"]+\.js)"/.exec(html)?.[1];
  const asset = await fetch(url + script, { headers: { 'accept-encoding': 'br' } });
  check(asset.headers.get('cache-control')?.includes('immutable') && asset.headers.get('content-encoding') === 'br', 'scripts are kept for good and come as brotli');
  check(!/https?:\/\/(?!www\.w3\.org)/.test(html), 'the page names no other address');
}

async function watchFloors() {
  const receiver = await openPage(browser);
  await login(receiver, 'BN');
  const before = Date.now();
  await community.share('ID', ['BN'], { title: 'Chemical tanker boarded, six armed persons', precedence: 'FLASH' });
  await receiver.waitForSelector('.flash >> text=Chemical tanker boarded');
  console.log(`   FLASH from its release to the band on another member's screen: ${Date.now() - before} ms`);
  check(true, 'a FLASH of one node takes the screen of another');
  await receiver.keyboard.press('Escape');
  await receiver.click('nav a[href="/search"]');
  await receiver.waitForSelector('.search');
  check(await receiver.isVisible('.flash'), 'it stays on every screen');
  await receiver.reload();
  await receiver.waitForSelector('.flash');
  check(true, 'it is there again after a reload');
  await receiver.keyboard.press('a');
  await receiver.waitForSelector('.flash', { state: 'detached' });
  check(true, 'one key acknowledges it');
  await community.share('ID', ['BN'], { title: 'Third event', precedence: 'FLASH' });
  await receiver.waitForSelector('.flash >> text=Third event');
  await receiver.fill('.asks input', 'typing');
  await receiver.keyboard.press('a');
  check((await receiver.inputValue('.asks input')) === 'typinga' && (await receiver.isVisible('.flash')), 'a letter that is typed acknowledges nothing');
  await receiver.keyboard.press('F8');
  await receiver.waitForSelector('.flash', { state: 'detached' });
  check(true, 'while typing F8 does');
  await receiver.reload();
  await receiver.waitForSelector('.search');
  check((await receiver.$('.flash')) === null, 'and it stays acknowledged');
  await go(receiver, '/watch', '.feed .row');
  await receiver.waitForSelector('.detail h2');
  const sent = await community.share('ID', ['BN'], { title: 'Second event', precedence: 'PRIORITY' });
  await receiver.waitForSelector(`#row-${sent.id}`);
  check(true, 'a new item appears without anybody’s doing');
  await receiver.click(`#row-${sent.id}`);
  await receiver.waitForSelector('.detail .grades');
  check((await receiver.textContent('.detail')).includes('Phillip Channel'), 'its detail shows place and grade');
  check(receiver.url().includes(sent.id), 'the selection is in the address');
  await receiver.waitForFunction(() => /[1-9]/.test(document.querySelector('.map canvas')?.getAttribute('aria-label') ?? ''));
  check(true, 'located items are on the map');
  await receiver.fill('.filter input', 'second event');
  await receiver.waitForFunction(() => document.querySelectorAll('.feed .row').length === 1);
  check(true, 'the filter narrows the feed');
  await receiver.fill('.filter input', 'from:ID prec:Z');
  await receiver.waitForFunction(() => [...document.querySelectorAll('.feed .row .badge')].every((b) => b.textContent.startsWith('Z')));
  await receiver.fill('.filter input', '');
  await receiver.locator('.filter input').blur();
  const first = await receiver.textContent('.detail h2');
  await receiver.keyboard.press('j');
  await receiver.waitForFunction((old) => document.querySelector('.detail h2')?.textContent !== old, first);
  check(true, 'J moves to the next item');
  await receiver.keyboard.press('t');
  await receiver.waitForSelector('.clock .big >> text=H');
  check(true, 'T shows local time with its letter');
  await receiver.keyboard.press('t');
  await receiver.keyboard.press('Control+k');
  await receiver.keyboard.type('federation');
  await receiver.keyboard.press('Enter');
  await receiver.waitForURL('**/links*');
  check(true, 'the palette reaches a screen');
  await receiver.keyboard.press('?');
  await receiver.waitForSelector('dialog.help[open]');
  await axe(receiver, 'all keys');
  await receiver.keyboard.press('Escape');
  for (const look of ['dark', 'light']) {
    await go(receiver, '/watch', '.detail h2');
    await theme(receiver, look);
    await receiver.waitForSelector('.detail .readers');
    await axe(receiver, `watch, ${look}`);
  }
  await clean(receiver, 'watch');
  await receiver.context().close();
}

async function manyRows() {
  const page = await openPage(browser, { viewport: { width: 1280, height: 720 } });
  const items = Array.from({ length: 100_000 }, (_, i) => ({ id: `${String(i).padStart(8, '0')}-0000-4000-8000-000000000000`, originator: 'ID', precedence: ['ROUTINE', 'PRIORITY'][i % 2], marking: null, title: `Row ${i}`, media_type: 'text/plain', created: '2026-01-01T00:00:00.000Z', received: '2026-01-01T00:00:00.000Z', objects: 0, quarantined: 0, rejected: 0, state: 'active' }));
  await page.route('**/api/v1/items?*', (route) => route.fulfill({ json: { items } }));
  await login(page, 'BN');
  await page.waitForFunction(() => document.querySelector('.total')?.textContent === '100 000');
  const frames = await page.evaluate(async () => {
    const list = document.querySelector('.feed .rows');
    const times = [];
    let most = 0;
    let last = performance.now();
    for (let i = 0; i < 120; ++i) {
      list.scrollTop = (list.scrollHeight / 120) * i;
      await new Promise(requestAnimationFrame);
      const now = performance.now();
      times.push(now - last);
      last = now;
      most = Math.max(most, document.querySelectorAll('.feed .row').length);
    }
    list.scrollTop = list.scrollHeight;
    await new Promise((resolve) => setTimeout(resolve, 300));
    times.sort((a, b) => a - b);
    return { most, p50: times[60], p95: times[114], end: document.querySelector('.feed .row:last-child .title')?.textContent };
  });
  console.log(`   100,000 rows: at most ${frames.most} in the page, frame p50 ${frames.p50.toFixed(1)} ms, p95 ${frames.p95.toFixed(1)} ms (software rendering)`);
  check(frames.most <= 60, '100,000 rows need at most 60 elements', String(frames.most));
  check(frames.end === 'Row 99999', 'the last of 100,000 rows is reached', frames.end);
  const wide = await page.evaluate(() => document.documentElement.scrollWidth > innerWidth);
  check(!wide, 'nothing is wider than 1280 pixels');
  await page.context().close();
}

async function writing() {
  const page = await openPage(browser);
  await login(page, 'BN');
  await go(page, '/write?kind=SPOTREP', '.form');
  await page.getByLabel('Title', { exact: true }).fill('Three persons in an unlit craft');
  await page.getByLabel('Activity').fill('Left to the south at speed');
  await page.getByLabel('Position').fill(`1°05'24"N 103°55'48"E`);
  await page.getByLabel('Place').fill('Phillip Channel');
  await page.waitForSelector('text=01°05′24″N 103°55′48″E');
  check(true, 'a position in degrees, minutes and seconds is understood');
  await page.waitForSelector('text=Kept in this browser at');
  const address = page.url();
  await page.context().pages()[0].close();
  const again = await page.context().newPage();
  again.setDefaultTimeout(60_000);
  await again.goto(address);
  await again.waitForSelector('.form');
  check((await again.getByLabel('Activity').inputValue()) === 'Left to the south at speed', 'a draft survives the end of its page');
  await again.getByLabel('Classification').selectOption('RESTRICTED');
  await again.locator('.members label', { hasText: 'Indonesia' }).click();
  await again.waitForSelector('[data-testid=who] ul li');
  const who = await again.locator('[data-testid=who] > ul').textContent();
  check(who.includes('ID') && !who.includes('KH'), 'the preview names exactly who will read', who);
  await again.keyboard.press('Control+Enter');
  await again.waitForSelector('dialog.confirm[open]');
  await axe(again, 'release');
  await again.keyboard.press('Enter');
  await again.waitForURL('**/watch?item=*');
  const id = new URL(again.url()).searchParams.get('item');
  let there = null;
  for (let i = 0; i < 100 && !there; ++i) {
    there = await community.call('ID', 'GET', `/api/v1/items/${id}`).catch(() => null);
    if (!there) await new Promise((resolve) => setTimeout(resolve, 100));
  }
  check(there?.title === 'Three persons in an unlit craft', 'the released report is on the receiver’s node');
  const elsewhere = await fetch(`${community.nodes.get('KH').url}/api/v1/items/${id}`, { headers: { authorization: `Bearer ${community.nodes.get('KH').token}` } });
  check(elsewhere.status === 404, 'and not on another’s');
  await again.context().close();
  const look = await openPage(browser);
  await login(look, 'BN');
  for (const name of ['dark', 'light']) {
    await go(look, '/write?kind=WARNING', '.form');
    await theme(look, name);
    await look.waitForSelector('.form');
    await axe(look, `write, ${name}`);
  }
  await clean(look, 'write');
  await look.context().close();
}

async function reading() {
  const page = await openPage(browser);
  await login(page, 'BN');
  await go(page, '/search?type=incident', '.hits .row');
  await page.click('.hits .row');
  await page.waitForSelector('.search .detail h2');
  check(true, 'the search lists objects by type');
  for (const look of ['dark', 'light']) {
    await theme(page, look);
    await page.waitForSelector('.hits .row');
    await axe(page, `search, ${look}`);
  }
  await page.click('text=Open with its relations');
  await page.waitForSelector('.picture .node');
  const before = await page.locator('.picture .node').count();
  check(before >= 2, 'an object is shown with what it hangs together with', String(before));
  await page.locator('.picture .node:not(.on)').first().dblclick();
  await page.waitForFunction((n) => document.querySelectorAll('.picture .node').length > n, before);
  check(true, 'the graph expands');
  await page.waitForSelector('.versions li');
  for (const look of ['dark', 'light']) {
    await theme(page, look);
    await page.waitForSelector('.picture .node');
    await axe(page, `graph, ${look}`);
  }
  await clean(page, 'search and graph');
  await page.context().close();
}

async function federation() {
  const page = await openPage(browser);
  await login(page, 'BN', true);
  await go(page, '/links', '.grid-table tbody tr');
  check((await page.locator('.state.linked').count()) >= 2, 'each link says its state');
  for (const look of ['dark', 'light']) {
    await theme(page, look);
    await page.waitForSelector('.grid-table');
    await axe(page, `federation, ${look}`);
  }
  await go(page, '/log', '.entry');
  await page.waitForFunction(() => Number(document.querySelector('.pairs dd .mono')?.textContent?.replaceAll(' ', '')) > 3 || document.querySelectorAll('.chips .in').length > 0);
  await page.locator('.log-rows .row').last().click();
  await page.click('text=Fetch and check');
  await page.waitForSelector('.checked .ok');
  check((await page.textContent('.checked')).includes('lead to the signed root'), 'the proof of an entry is fetched and checked in the page');
  for (const look of ['dark', 'light']) {
    await theme(page, look);
    await page.waitForSelector('.entry');
    await axe(page, `log, ${look}`);
  }
  await go(page, '/admin?tab=status', '.tiles');
  await go(page, '/admin?tab=tokens', '.stack-form');
  await page.getByLabel('Name', { exact: true }).fill('browser test');
  await page.locator('.stack-form select').first().selectOption('RESTRICTED');
  await page.click('text=Make the token');
  await page.waitForSelector('text=shown this once');
  check(/amic_[\w-]{43}/.test(await page.textContent('.notice')), 'an administrator makes a token');
  for (const tab of ['status', 'tokens', 'quarantine', 'settings'])
    for (const look of ['dark', 'light']) {
      await go(page, `/admin?tab=${tab}`, '.panel');
      await theme(page, look);
      await page.waitForSelector('.panel');
      await axe(page, `admin ${tab}, ${look}`);
    }
  await clean(page, 'federation, log, admin');
  await page.context().close();
}

async function languages() {
  const page = await openPage(browser);
  await login(page, 'BN');
  const names = {};
  for (const code of ['vi', 'id', 'ms', 'th', 'km', 'lo', 'my', 'fil', 'zh', 'ta']) {
    await page.evaluate((value) => localStorage.setItem('amic.language', JSON.stringify(value)), code);
    await page.reload();
    await page.waitForFunction((value) => document.documentElement.lang === value && document.querySelector('.rail a')?.textContent?.trim() !== 'Watch', code);
    names[code] = await page.textContent('.rail a span');
    if (!(await page.textContent('.statusbar')).includes('for review')) check(false, `${code} says that it is a draft`);
  }
  check(new Set(Object.values(names)).size === 10, 'ten catalogues load, each marked for review', JSON.stringify(names));
  await clean(page, 'languages');
  await page.context().close();
}

async function decisions() {
  const page = await openPage(browser);
  const motion = { id: 'm1', kind: 'amend', verb: 'adopt', title: 'SOP version 2', proposer: 'ID', stage: 'consultation', round: 0, replied: 2, entitled: 3, deadline: '2026-12-01T00:00:00.000Z', next_head: 'ab'.repeat(32), change: {}, effect: { entries: [{ sentence: 'Ten minutes instead of an hour.' }], diffs: [{ instrument: 'SOP', from_version: 1, to_version: 2, articles: [{ change: 'changed', heading: 'Article 3', before: 'within one hour', after: 'within ten minutes' }] }] }, comment_texts: [] };
  await page.route('**/api/v1/openapi.json', (route) => route.fulfill({ json: { paths: { '/api/v1/motions': {} } } }));
  await page.route('**/api/v1/motions', (route) => route.fulfill({ json: { motions: [motion] } }));
  await page.route('**/api/v1/motions/m1', (route) => route.fulfill({ json: motion }));
  await login(page, 'BN');
  await page.waitForSelector('nav a[href="/decisions"]');
  await page.click('nav a[href="/decisions"]');
  await page.waitForSelector('.article ins');
  check((await page.textContent('.decisions')).includes('ab'.repeat(32)), 'a motion shows its change and the hash that is signed');
  await axe(page, 'decisions');
  await page.context().close();
}

let error = null;
try {
  for (const story of [headers, logins, watchFloors, manyRows, writing, reading, federation, languages, decisions]) {
    const only = process.env.AMIC_BROWSER_ONLY;
    if (!only || only.split(',').includes(story.name)) await story();
  }
} catch (problem) {
  error = problem;
  for (const context of browser.contexts()) for (const page of context.pages()) console.log(`   at ${page.url()}`);
} finally {
  await browser.close();
  community.stop();
}
if (error) check(false, 'the stories ran to their end', String(error?.stack ?? error));
const { passed, failed } = totals();
console.log(`${passed} passed, ${failed} failed`);
process.exit(failed ? 1 : 0);
