// Status in plain words, tokens, quarantine, and this browser's own settings.
import { useCallback, useEffect, useState } from 'react';
import { get, getText, post, remove, words } from '../lib/api';
import { bytes, count, useTimes } from '../lib/format';
import { LANGUAGES, useReview, useT } from '../lib/i18n';
import { change, useUrl } from '../lib/router';
import { density, language, letters, sound, theme, views, zone } from '../lib/settings';
import { may, session } from '../lib/session';
import { useStore } from '../lib/store';
import { say } from '../lib/toast';
import { CLASSIFICATIONS, type Scope, type TokenInfo } from '../lib/types';
import { SEAS } from '../map/chart';
import { seas } from '../map/map';
import { Empty, Field, Panel, useCommunity, useCopy } from '../parts/bits';
import { Tile } from './links';

const TABS = ['status', 'tokens', 'quarantine', 'settings'] as const;

export function Admin() {
  const t = useT();
  const { query } = useUrl();
  const shown = TABS.filter((tab) => tab === 'settings' || (tab === 'tokens' ? may('admin') : may('audit')));
  const tab = shown.find((one) => one === query['tab']) ?? shown[0] ?? 'settings';
  const names = { status: 'Status', tokens: 'Access', quarantine: 'Quarantine', settings: 'Settings' };
  return (
    <div className="page wide">
      <div className="tabs big" role="group" aria-label={t('Admin')}>{shown.map((one) => <button key={one} aria-pressed={one === tab} onClick={() => change({ tab: one })}>{t(names[one])}</button>)}</div>
      {tab === 'status' && <Status />}
      {tab === 'tokens' && <Tokens />}
      {tab === 'quarantine' && <Quarantine />}
      {tab === 'settings' && <Settings />}
    </div>
  );
}

// --- status ---------------------------------------------------------------------------------------

type Metrics = Map<string, { labels: string; value: number }[]>;
function readMetrics(text: string): Metrics {
  const out: Metrics = new Map();
  for (const line of text.split('\n')) {
    const match = /^([a-z_0-9]+)(\{.*\})? ([-+.\deE]+|NaN|\+Inf)$/.exec(line);
    if (!match) continue;
    const name = match[1] ?? '';
    out.set(name, [...(out.get(name) ?? []), { labels: match[2] ?? '', value: Number(match[3]) }]);
  }
  return out;
}
const sum = (metrics: Metrics, name: string) => metrics.get(name)?.reduce((n, one) => n + one.value, 0);

interface Repair { phase: string; damaged: number }
function Status() {
  const t = useT();
  const community = useCommunity();
  const [metrics, setMetrics] = useState<Metrics | null>(null);
  const [raw, setRaw] = useState('');
  const [ready, setReady] = useState('');
  const [repair, setRepair] = useState<Repair | null>(null);
  useEffect(() => {
    const ask = () => {
      void getText('/metrics').then((text) => { setRaw(text); setMetrics(readMetrics(text)); }, () => undefined);
      void fetch('/readyz').then(async (r) => setReady((await r.text()).trim()), () => setReady(''));
      void get<Repair>('/api/v1/repair').then(setRepair, () => undefined);
    };
    ask();
    const timer = setInterval(ask, 5000);
    return () => clearInterval(timer);
  }, []);
  if (!metrics) return <div className="loading" aria-busy="true" />;
  const requests = sum(metrics, 'amic_api_requests_total') ?? 0;
  const memory = sum(metrics, 'process_resident_memory_bytes') ?? sum(metrics, 'amic_process_resident_bytes');
  const names = [...metrics.keys()].filter((name) => !name.endsWith('_bucket') && name !== 'amic_api_requests_total').sort();
  return (
    <>
      <div className="tiles">
        <Tile label={t('Node')} value={ready.startsWith('ready') ? t('ready') : t('not ready')} tone={ready === 'ready' ? 'ok' : 'warn'} note={ready === 'ready' ? t('the index is up to date') : ready} />
        <Tile label={t('Log')} value={repair && repair.damaged > 0 ? count(repair.damaged) : t('sound')} tone={repair && repair.damaged > 0 ? 'bad' : 'ok'} note={repair && repair.damaged > 0 ? t('records are damaged: amic node repair') : t('no damaged record is known')} />
        <Tile label={t('Requests answered')} value={count(requests)} tone="" note={t('since the start, by the API')} />
        <Tile label={t('Community')} value={String(community?.members.length ?? '—')} tone="" note={`${t('members')} · ${t('epoch')} ${community?.epoch ?? '—'}`} />
        {memory !== undefined && <Tile label={t('Memory')} value={bytes(memory)} tone="" note={t('resident')} />}
      </div>
      <div className="split">
        <Panel title={t('What the node counts')} action={<span className="mono">{names.length}</span>}>
          <div className="table-holder tall" tabIndex={0} role="region" aria-label={t('What the node counts')}>
            <table className="grid-table"><thead><tr><th>{t('Measure')}</th><th className="num">{t('Value')}</th></tr></thead><tbody>{names.map((name) => { const help = new RegExp(`^# HELP ${name} (.+)$`, 'm').exec(raw)?.[1]; const total = sum(metrics, name) ?? 0; return <tr key={name}><th scope="row">{help ?? name}<small className="mono">{name}</small></th><td className="num mono">{name.endsWith('_bytes') || name.includes('_bytes_') ? bytes(total) : count(Number.isInteger(total) ? total : Number(total.toFixed(3)))}</td></tr>; })}</tbody></table>
          </div>
        </Panel>
        <Panel title={t('In force')}>
          <dl className="pairs">
            <div><dt>{t('Community')}</dt><dd>{community?.name}</dd></div>
            <div><dt>{t('Identifier')}</dt><dd className="mono wrap">{community?.id}</dd></div>
            <div><dt>{t('Head')}</dt><dd className="mono wrap">{community?.head_digest}</dd></div>
            <div><dt>{t('Chair')}</dt><dd>{community?.chair} · {t('orders the agenda, nothing else')}</dd></div>
          </dl>
          <h3>{t('Instruments')}</h3>
          <ul className="relations">{community?.instruments.map((one) => <li key={one.kind}><b>{one.kind}</b> {one.title} · {t('version')} {one.version}<a href={`/api/v1/community/instruments/${one.kind}`} download={`${one.kind}-${one.version}.md`}>{t('Text')}</a></li>)}</ul>
          <h3>{t('Members and the fingerprints of their keys')}</h3>
          <ul className="relations">{community?.members.map((m) => <li key={m.id}><b className="mono">{m.id}</b> {m.name} <span className="mono dim">{m.fingerprint.slice(0, 16)}…</span></li>)}</ul>
        </Panel>
      </div>
    </>
  );
}

// --- tokens ---------------------------------------------------------------------------------------

const MAY: Record<Scope, string> = { read: 'read items and objects as far as the clearance goes', share: 'share items and import', audit: 'links, log, proofs, quarantine, figures', admin: 'tokens, and all that audit may' };

function Tokens() {
  const t = useT();
  const times = useTimes();
  const copy = useCopy();
  const [all, setAll] = useState<TokenInfo[] | null>(null);
  const [name, setName] = useState('');
  const [clearance, setClearance] = useState('');
  const [scopes, setScopes] = useState<Scope[]>(['read']);
  const [secret, setSecret] = useState('');
  const now = useStore(session);
  const own = now.status === 'in' ? now.who.token_id : '';
  const list = useCallback(() => void get<{ tokens: TokenInfo[] }>('/api/v1/tokens').then((found) => setAll(found.tokens), (error: unknown) => say(words(error), 'bad')), []);
  useEffect(list, [list]);
  const make = () => void post<TokenInfo & { secret: string }>('/api/v1/tokens', { name, clearance, scopes: scopes.join(',') }).then((made) => { setSecret(made.secret); setName(''); list(); }, (error: unknown) => say(words(error), 'bad'));
  const revoke = (token: TokenInfo) => confirm(t('End “{name}” at once? What uses it stops working; this can not be undone.', { name: token.name })) && void remove(`/api/v1/tokens/${token.id}`).then(list, (error: unknown) => say(words(error), 'bad'));
  return (
    <div className="split">
      <Panel title={t('Tokens')} action={<span className="mono">{all?.length ?? '…'}</span>}>
        {all?.length === 0 ? <Empty title={t('No token yet.')} /> : (
          <div className="table-holder" tabIndex={0} role="region" aria-label={t('Tokens')}>
          <table className="grid-table"><thead><tr><th>{t('Name')}</th><th>{t('May')}</th><th>{t('Clearance')}</th><th>{t('Made')}</th><th>{t('Expires')}</th><th><span className="sr">{t('Revoke')}</span></th></tr></thead>
            <tbody>{all?.map((token) => <tr key={token.id}><th scope="row">{token.name}<small className="mono">{token.id}{token.id === own ? ` · ${t('this session')}` : ''}</small></th><td>{token.scopes.join(', ')}</td><td>{token.clearance}</td><td className="mono">{times.dtg(token.created)}</td><td className="mono">{token.expires ? times.dtg(token.expires) : '—'}</td><td><button onClick={() => revoke(token)}>{t('Revoke')}</button></td></tr>)}</tbody></table>
          </div>
        )}
      </Panel>
      <Panel title={t('New token')}>
        <form className="stack-form" onSubmit={(e) => { e.preventDefault(); make(); }}>
          <Field label={t('Name')}><input value={name} maxLength={128} onChange={(e) => setName(e.target.value)} placeholder={t('Who or what will use it')} /></Field>
          <Field label={t('Clearance')}><select value={clearance} onChange={(e) => setClearance(e.target.value)}><option value="">{t('Choose…')}</option>{CLASSIFICATIONS.map((c) => <option key={c}>{c}</option>)}</select></Field>
          <fieldset><legend>{t('May')}</legend>{(Object.keys(MAY) as Scope[]).map((scope) => <label key={scope} className="check"><input type="checkbox" checked={scopes.includes(scope)} onChange={() => setScopes(scopes.includes(scope) ? scopes.filter((s) => s !== scope) : [...scopes, scope])} /><b>{scope}</b> {t(MAY[scope])}</label>)}</fieldset>
          <button className="primary" disabled={!name.trim() || !clearance || scopes.length === 0}>{t('Make the token')}</button>
        </form>
        {secret && <div className="notice"><p>{t('Its secret, shown this once:')}</p><p className="mono wrap">{secret}</p><div className="row-of"><button onClick={() => copy(secret, t('Secret'))}>{t('Copy')}</button><button onClick={() => setSecret('')}>{t('Done')}</button></div></div>}
      </Panel>
    </div>
  );
}

// --- quarantine -----------------------------------------------------------------------------------

interface Refused { peer: string; at: string; code: string; reason: string; digest: string; bytes: number }
function Quarantine() {
  const t = useT();
  const times = useTimes();
  const [all, setAll] = useState<Refused[] | null>(null);
  useEffect(() => void get<{ quarantine: Refused[] }>('/api/v1/quarantine?limit=500').then((found) => setAll(found.quarantine), () => setAll([])), []);
  return (
    <Panel title={t('Envelopes that were refused')} action={<span className="mono">{all?.length ?? '…'}</span>}>
      {!all ? <div className="loading" aria-busy="true" /> : all.length === 0 ? <Empty title={t('Nothing was refused.')}>{t('What a peer sends and this node can not accept is kept here with its reason, and the sender is told.')}</Empty> : (
        <div className="table-holder" tabIndex={0} role="region" aria-label={t('Quarantine')}>
          <table className="grid-table"><thead><tr><th>{t('From')}</th><th>{t('When')}</th><th>{t('Reason')}</th><th className="num">{t('Size')}</th><th>SHA-256</th></tr></thead><tbody>{all.map((one, i) => <tr key={i}><th scope="row">{one.peer}</th><td className="mono">{times.dtg(one.at)}</td><td>{one.code}<small>{one.reason}</small></td><td className="num mono">{bytes(one.bytes)}</td><td className="mono">{one.digest.slice(0, 16)}…</td></tr>)}</tbody></table>
        </div>
      )}
    </Panel>
  );
}

// --- settings -------------------------------------------------------------------------------------

function Settings() {
  const t = useT();
  const names = useStore(seas);
  const saved = useStore(views);
  const review = useReview();
  const now = useStore(session);
  const [look, times, rows, loud, single, code] = [useStore(theme), useStore(zone), useStore(density), useStore(sound), useStore(letters), useStore(language)];
  return (
    <div className="split">
      <Panel title={t('This browser')}>
        <div className="stack-form">
          <Field label={t('Language')} hint={review === 'for review' && code !== 'en' ? t('A machine’s draft of the main navigation and actions, for review by a member. The rest is English.') : ''}><select value={code} onChange={(e) => language.set(e.target.value)}>{Object.entries(LANGUAGES).map(([id, name]) => <option key={id} value={id} lang={id}>{name}</option>)}</select></Field>
          <Field label={t('Theme')}><select value={look} onChange={(e) => theme.set(e.target.value as 'dark' | 'light')}><option value="dark">{t('dark')}</option><option value="light">{t('light')}</option></select></Field>
          <Field label={t('Times')}><select value={times} onChange={(e) => zone.set(e.target.value as 'Z' | 'local')}><option value="Z">Z (UTC)</option><option value="local">{t('local, with its letter')}</option></select></Field>
          <Field label={t('Rows')}><select value={rows} onChange={(e) => density.set(e.target.value as 'normal' | 'compact')}><option value="normal">{t('normal')}</option><option value="compact">{t('compact')}</option></select></Field>
          <label className="check"><input type="checkbox" checked={loud} onChange={(e) => sound.set(e.target.checked)} /> {t('Alarm sound for a FLASH')}</label>
          <label className="check"><input type="checkbox" checked={single} onChange={(e) => letters.set(e.target.checked)} /> {t('Single-letter keys')}</label>
          <h3>{t('Saved views')}</h3>
          {saved.length === 0 ? <p className="hint">{t('None yet: V saves the present state of a screen.')}</p> : <ul className="relations">{saved.map((v, i) => <li key={v.name}><b className="mono">{i + 1}</b> {v.name}<button onClick={() => views.set((all) => all.filter((one) => one !== v))}>{t('Forget')}</button></li>)}</ul>}
          {now.status === 'in' && <p className="hint">{t('Logged in as {name}; it ends by itself after {n} minutes without use.', { name: now.who.name, n: Math.round((now.who.idle_s ?? 900) / 60) })}</p>}
        </div>
      </Panel>
      <Panel title={t('Names of waters on the map')} action={<button onClick={() => seas.set(SEAS)}>{t('Reset')}</button>}>
        <p className="hint">{t('Each node shows the names that its own state uses. Where members use different names none is shown until one is entered here.')}</p>
        <div className="seas">{names.map((sea, i) => <Field key={i} label={`${Math.abs(sea.lat)}°${sea.lat < 0 ? 'S' : 'N'} ${sea.lon}°E`}><input value={sea.text} placeholder={t('no name')} onChange={(e) => seas.set((all) => all.map((one, n) => (n === i ? { ...one, text: e.target.value } : one)))} /></Field>)}</div>
      </Panel>
    </div>
  );
}
