// Pictures of each screen in both themes and two sizes: node screenshots.mjs AMIC OUT_DIR [MEMBERS]
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { Community, openBrowser, openPage } from './harness.mjs';

const [amic, out, members = '11'] = process.argv.slice(2);
mkdirSync(out, { recursive: true });
const community = await Community.start(amic, Number(members));
const browser = await openBrowser();
const ME = 'BN';
const other = [...community.nodes.keys()].find((id) => id !== ME);
const sender = community.nodes.has('SG') ? 'SG' : other;
const everyone = [...community.nodes.keys()].filter((id) => id !== sender);
const flash = await community.share(sender, everyone, {
  title: 'Chemical tanker boarded by six armed persons, Phillip Channel',
  precedence: 'FLASH',
  text: 'The master of the chemical tanker reported six persons with knives and one long gun on the poop deck while westbound in the traffic lane. The crew is in the citadel and the main engine is stopped. The vessel drifts at 1.4 knots towards the eastbound lane with 11,200 t of cargo.\n\nTwo unlit fast craft were held on radar leaving to the south. Synthetic: invented for the demonstration.',
  labels: ['warning', 'maritime', 'admiralty-scale:source-reliability="b"', 'admiralty-scale:information-credibility="2"', 'estimative-language:likelihood-probability="very-likely"'],
});

const page = await openPage(browser, { viewport: { width: 1440, height: 900 } });
await page.goto(await community.link(ME, true));
await page.waitForSelector('.feed .row');
await page.waitForSelector(`#row-${flash.id}`);
const first = async (type) => (await community.call(ME, 'GET', `/api/v1/objects?type=${type}&limit=5`)).objects[0]?.id;
const graph = await first('campaign').then((id) => id ?? first('report'));
const screens = [
  ['watch', `/watch?item=${flash.id}`, async () => page.waitForSelector('.detail .grades')],
  ['write', '/write?kind=WARNING', async () => {
    await page.getByLabel('Title', { exact: true }).fill('Drifting object reported in the eastbound lane');
    await page.getByLabel('Threat').fill('Collision with a drifting container, awash');
    await page.getByLabel('Target').fill('Eastbound traffic');
    await page.getByLabel('Window').fill('Until 1200Z');
    await page.getByLabel('Advice').fill('Keep one nautical mile clear, report sightings');
    await page.getByLabel('Report text').fill('Seen by two vessels within ten minutes. It is likely that more containers are afloat.');
    await page.getByLabel('Position').fill('0105.4N 10355.8E');
    await page.getByLabel('Place').fill('Phillip Channel');
    await page.getByLabel('Classification').selectOption('RESTRICTED');
    for (const label of await page.locator('.members').first().locator('label').all()) if (!(await label.getAttribute('class'))?.includes('on') && Math.abs((await label.textContent()).length) % 3 !== 0) await label.click();
    await page.waitForSelector('[data-testid=who]');
    await page.evaluate(() => document.querySelector('.form').scrollTo(0, 0));
  }],
  ['search', '/search?type=incident', async () => { await page.waitForSelector('.hits .row'); await page.locator('.hits .row').nth(2).click(); }],
  ['graph', `/graph?id=${graph}`, async () => page.waitForSelector('.picture .node')],
  ['federation', '/links', async () => page.waitForSelector('.grid-table tbody tr')],
  ['log', `/log?item=${flash.id}`, async () => { await page.waitForSelector('.entry'); await page.click('text=Fetch and check'); await page.waitForSelector('.checked, p.bad'); }],
  ['admin', '/admin?tab=status', async () => page.waitForSelector('.tiles')],
  ['settings', '/admin?tab=settings', async () => page.waitForSelector('.seas')],
];
const only = process.env.AMIC_SCREENS?.split(',');
for (const theme of ['dark', 'light'])
  for (const [width, height] of [[1280, 720], [1440, 900]]) {
    await page.setViewportSize({ width, height });
    await page.evaluate((value) => localStorage.setItem('amic.theme', JSON.stringify(value)), theme);
    for (const [name, path, ready] of screens) {
      if (only && !only.includes(name)) continue;
      await page.goto(new URL(path, page.url()).href);
      await ready();
      await page.waitForTimeout(1200); // fonts, chart and figures have settled
      await page.screenshot({ path: join(out, `${name}-${theme}-${width}.png`) });
    }
  }
await page.setViewportSize({ width: 1440, height: 900 });
await page.goto(new URL('/watch', page.url()).href);
await page.waitForSelector('.feed .row');
await page.keyboard.press('Control+k');
await page.waitForSelector('dialog.palette');
await page.keyboard.type('w');
await page.waitForTimeout(400);
await page.screenshot({ path: join(out, 'palette-light-1440.png') });
await page.goto('about:blank');
await page.context().clearCookies();
await page.goto(`${community.nodes.get(ME).url}/`);
await page.waitForSelector('.login');
await page.screenshot({ path: join(out, 'login-light-1440.png') });
await browser.close();
community.stop();
console.log(out);
