// The frame around every screen.
import { useEffect, useMemo, useState, lazy, Suspense } from 'react';
import { Login } from './screens/login';
import { Watch } from './screens/watch';
import { FlashBand } from './parts/flash';
import { Help } from './parts/help';
import { Palette, type Command } from './parts/palette';
import { Rail, SCREENS } from './parts/rail';
import { StatusBar } from './parts/statusbar';
import { Toasts } from './parts/toasts';
import { TopBar } from './parts/topbar';
import { get } from './lib/api';
import { leave } from './lib/enter';
import { feed, start, stop } from './lib/feed';
import { LANGUAGES, useT } from './lib/i18n';
import { useKeys, type Binding } from './lib/keys';
import { address, go, here, useUrl } from './lib/router';
import { density, language, letters, sound, theme, views, zone } from './lib/settings';
import { may, session } from './lib/session';
import { store, useStore } from './lib/store';
import { say } from './lib/toast';
import { CLASSIFICATIONS } from './lib/types';

const Write = lazy(() => import('./screens/write').then((m) => ({ default: m.Write })));
const Search = lazy(() => import('./screens/search').then((m) => ({ default: m.Search })));
const Graph = lazy(() => import('./screens/graph').then((m) => ({ default: m.Graph })));
const Links = lazy(() => import('./screens/links').then((m) => ({ default: m.Links })));
const Log = lazy(() => import('./screens/log').then((m) => ({ default: m.Log })));
const Admin = lazy(() => import('./screens/admin').then((m) => ({ default: m.Admin })));
const Decisions = lazy(() => import('./screens/decisions').then((m) => ({ default: m.Decisions })));

// What this node can do beyond the basics: a missing route hides its screen.
export const decisionsThere = store(false);

export function App() {
  const now = useStore(session);
  // Kept behind the log-in when a session ends: what was typed stays where it is.
  const [entered, setEntered] = useState(false);
  useEffect(() => {
    if (now.status === 'in') {
      setEntered(true);
      void start();
      void get<{ paths: object }>('/api/v1/openapi.json').then((api) => decisionsThere.set('/api/v1/motions' in api.paths), () => undefined);
    } else {
      stop();
    }
  }, [now]);
  if (now.status === 'asking') return <div className="splash" aria-busy="true" />;
  return (
    <>
      {entered && <Shell covered={now.status === 'out'} />}
      {now.status === 'out' && <Login ended={now.ended} />}
      <Toasts />
    </>
  );
}

function saveView(t: (text: string) => string) {
  const name = prompt(t('Name of this view'), document.title.replace(/ · AMIC.*/, ''));
  if (!name) return;
  const url = here();
  views.set((all) => [...all.filter((v) => v.name !== name), { name, address: address(url.path, url.query) }].slice(-9));
  say(t('View saved: keys 1 to 9 open it'));
}
function openView(at: number) {
  const view = views.get()[at];
  if (!view) return;
  const url = new URL(view.address, location.origin);
  go(url.pathname, Object.fromEntries(url.searchParams));
}

function useCommands(open: (what: 'palette' | 'help') => void): Command[] {
  const t = useT();
  const saved = useStore(views);
  const decisions = useStore(decisionsThere);
  const now = useStore(session);
  return useMemo(() => {
    const shown = SCREENS.filter((s) => (!s.scope || may(s.scope)) && (s.path !== '/decisions' || decisions));
    return [
      ...shown.map((s) => ({ group: t('Go to'), label: t(s.name), keys: `g ${s.letter}`, run: () => go(s.path) })),
      ...saved.map((v, i) => ({ group: t('Saved views'), label: v.name, keys: String(i + 1), run: () => openView(i) })),
      { group: t('Do'), label: t('Save this view'), keys: 'v', run: () => saveView(t) },
      ...saved.map((v) => ({ group: t('Do'), label: `${t('Forget the view')}: ${v.name}`, run: () => views.set((all) => all.filter((one) => one !== v)) })),
      { group: t('Do'), label: t('Write a spot report'), run: () => go('/write', { kind: 'SPOTREP' }) },
      { group: t('Do'), label: t('Write a warning'), run: () => go('/write', { kind: 'WARNING' }) },
      { group: t('Do'), label: t('Copy the address of this state'), keys: 'y', run: () => void navigator.clipboard.writeText(location.href).then(() => say(t('Address copied'))) },
      { group: t('Settings'), label: t('Dark or light'), keys: 'd', run: () => theme.set((v) => (v === 'dark' ? 'light' : 'dark')) },
      { group: t('Settings'), label: t('Z or local time'), keys: 't', run: () => zone.set((v) => (v === 'Z' ? 'local' : 'Z')) },
      { group: t('Settings'), label: t('Compact or normal rows'), run: () => density.set((v) => (v === 'normal' ? 'compact' : 'normal')) },
      { group: t('Settings'), label: t('Alarm sound on or off'), run: () => { sound.set((v) => !v); say(sound.get() ? t('Alarm sound is on') : t('Alarm sound is off')); } },
      { group: t('Settings'), label: t('Single-letter keys on or off'), run: () => { letters.set((v) => !v); say(letters.get() ? t('Single-letter keys are on') : t('Single-letter keys are off')); } },
      ...Object.entries(LANGUAGES).map(([code, name]) => ({ group: t('Language'), label: name, run: () => language.set(code) })),
      { group: t('Do'), label: t('All keys'), keys: '?', run: () => open('help') },
      { group: t('Do'), label: t('Log out'), run: () => void leave() },
    ];
  }, [t, saved, decisions, open, now]);
}

function Shell({ covered }: { covered: boolean }) {
  const t = useT();
  const url = useUrl();
  const [layer, open] = useState<'palette' | 'help' | null>(null);
  const commands = useCommands(open);
  const bindings: Binding[] = [
    { key: 'ctrl+k', label: t('Command palette'), run: () => open('palette') },
    { key: '?', label: t('All keys'), run: () => open('help') },
    ...commands.filter((c) => c.keys && c.keys !== '?').map((c) => ({ key: c.keys ?? '', label: c.label, run: c.run })),
  ];
  useKeys(covered ? [] : bindings);
  const screen = SCREENS.find((s) => s.path === url.path) ?? SCREENS[0];
  useEffect(() => {
    if (screen) document.title = `${t(screen.name)} · AMIC`;
  }, [screen, t]);
  return (
    <div className="shell" inert={covered}>
      <a className="skip" href="#main" onClick={(e) => { e.preventDefault(); document.getElementById('main')?.focus(); }}>{t('Skip to the content')}</a>
      <MarkingBar />
      <Rail />
      <TopBar title={screen ? t(screen.name) : ''} onPalette={() => open('palette')} />
      <FlashBand />
      <main id="main" tabIndex={-1}>
        <Suspense fallback={<div className="loading" aria-busy="true" />}>
          <Screen path={url.path} />
        </Suspense>
      </main>
      <StatusBar onHelp={() => open('help')} />
      {layer === 'palette' && <Palette commands={commands} onClose={() => open(null)} />}
      {layer === 'help' && <Help bindings={bindings} onClose={() => open(null)} />}
    </div>
  );
}

function Screen({ path }: { path: string }) {
  switch (path) {
    case '/write': return <Write />;
    case '/search': return <Search />;
    case '/graph': return <Graph />;
    case '/links': return <Links />;
    case '/log': return <Log />;
    case '/admin': return <Admin />;
    case '/decisions': return <Decisions />;
    default: return <Watch />;
  }
}

// The highest marking of what is on the screen: computed, never typed.
function MarkingBar() {
  const t = useT();
  const { items } = useStore(feed);
  const now = useStore(session);
  const highest = useMemo(() => Math.max(0, ...items.slice(0, 5000).map((i) => CLASSIFICATIONS.indexOf(i.marking?.classification ?? 'UNCLASSIFIED'))), [items]);
  if (now.status !== 'in') return <aside className="marking" aria-label={t('Marking of this screen')} />;
  const { community } = now;
  const exercise = community.realm.startsWith('EXERCISE');
  const level = CLASSIFICATIONS[highest] ?? 'UNCLASSIFIED';
  return (
    <aside className={`marking ${exercise ? 'exercise' : ''} c${highest}`} aria-label={t('Marking of this screen')}>
      <b>{level}</b>
      <i aria-hidden>•</i>
      {exercise ? `EXERCISE · ${community.realm.slice(9)} · EXERCISE` : community.realm}
      <i aria-hidden className="narrow">•</i>
      <span className="narrow">{community.name}</span>
      <i aria-hidden className="narrow">•</i>
      <span className="narrow">{t('Releasable as marked on each item')}</span>
    </aside>
  );
}
