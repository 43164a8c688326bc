// The watch floor: what comes in, where it is, what it says.
import { Search } from 'lucide-react';
import { useDeferredValue, useEffect, useMemo, useRef, useState } from 'react';
import { ItemDetail } from '../parts/detail';
import { Badge, Key, useCommunity } from '../parts/bits';
import { Rows } from '../parts/rows';
import { Map as Chart } from '../map/map';
import type { Mark } from '../map/chart';
import { get } from '../lib/api';
import { acknowledge, acknowledged, alarms, contentsVersion, feed, knownContents, live, loadOlder, toAcknowledge, undoAcknowledge, wanted } from '../lib/feed';
import { count, position, shortId, useTimes } from '../lib/format';
import { useT } from '../lib/i18n';
import { useKeys } from '../lib/keys';
import { change, go, useUrl } from '../lib/router';
import { may } from '../lib/session';
import { density } from '../lib/settings';
import { store, useStore } from '../lib/store';
import { say } from '../lib/toast';
import { LETTER, type Item, type Precedence, type StixObject } from '../lib/types';
import { TOPICS } from '../lib/stix';

// "from:BN prec:O topic:maritime words": what it does not know is looked for in title, id and sender.
interface Filter {
  from: string;
  precedence: string;
  topic: string;
  words: string[];
}
function readFilter(text: string): Filter {
  const out: Filter = { from: '', precedence: '', topic: '', words: [] };
  for (const word of text.trim().split(/\s+/).filter(Boolean)) {
    const [, name, value] = /^(from|prec|topic):(.+)$/i.exec(word) ?? [];
    if (name?.toLowerCase() === 'from') out.from = (value ?? '').toUpperCase();
    else if (name?.toLowerCase() === 'prec') out.precedence = (value ?? '').toUpperCase();
    else if (name?.toLowerCase() === 'topic') out.topic = (value ?? '').toLowerCase();
    else out.words.push(word.toLowerCase());
  }
  return out;
}

function passes(item: Item, filter: Filter, words: string[]): boolean {
  if (filter.from && item.originator !== filter.from) return false;
  if (filter.precedence && !item.precedence.startsWith(filter.precedence) && LETTER[item.precedence] !== filter.precedence) return false;
  if (filter.topic && !knownContents.get(item.id)?.topics.includes(filter.topic)) return false;
  if (words.length === 0) return true;
  const text = `${item.title} ${shortId(item)} ${item.id} ${item.originator}`.toLowerCase();
  return words.every((word) => text.includes(word));
}

const TABS: { id: string; label: string; precedence?: Precedence }[] = [
  { id: '', label: 'All' },
  { id: 'ack', label: 'To ack' },
  { id: 'FLASH', label: 'Flash', precedence: 'FLASH' },
  { id: 'IMMEDIATE', label: 'Immediate', precedence: 'IMMEDIATE' },
  { id: 'PRIORITY', label: 'Priority', precedence: 'PRIORITY' },
];

function useShown(): { rows: Item[]; waiting: Item[] } {
  const { items } = useStore(feed);
  const acks = useStore(acknowledged);
  const community = useCommunity();
  const { query } = useUrl();
  const filterText = useDeferredValue(query['q'] ?? '');
  const version = useStore(contentsVersion);
  const self = community?.self ?? '';
  const waiting = useMemo(() => toAcknowledge(items.slice(0, 5000), acks, self), [items, acks, self]);
  const filter = useMemo(() => readFilter(filterText), [filterText]);
  const rows = useMemo(() => {
    const tab = query['tab'] ?? '';
    const from = tab === 'ack' ? waiting : items;
    const wantedPrecedence = TABS.find((x) => x.id === tab)?.precedence;
    const only: Filter = { ...filter, from: query['from'] || filter.from, topic: query['topic'] || filter.topic };
    if (!wantedPrecedence && !only.from && !only.precedence && !only.topic && only.words.length === 0) return from;
    return from.filter((item) => (!wantedPrecedence || item.precedence === wantedPrecedence) && passes(item, only, only.words));
    // `version` only matters for topics, which are known once an item was read.
  }, [items, waiting, filter, query['tab'], query['from'], query['topic'], filter.topic || query['topic'] ? version : 0]);
  return { rows, waiting };
}

// Located objects of type "location": the incidents of public data.
const incidents = store<{ at: Float64Array; ids: string[] }>({ at: new Float64Array(), ids: [] });
let incidentsAsked = false;
async function loadIncidents(): Promise<void> {
  if (incidentsAsked) return;
  incidentsAsked = true;
  const at: number[] = [];
  const ids: string[] = [];
  let cursor = '';
  try {
    for (let page = 0; page < 12; ++page) {
      const found = await get<{ objects: StixObject[]; next?: string }>(`/api/v1/objects?type=location&limit=1000${cursor ? `&cursor=${encodeURIComponent(cursor)}` : ''}`);
      for (const { latitude, longitude, id } of found.objects)
        if (typeof latitude === 'number' && typeof longitude === 'number') {
          at.push(latitude, longitude);
          ids.push(id);
        }
      if (!found.next) break;
      cursor = found.next;
    }
  } catch {
    incidentsAsked = false;
  }
  incidents.set({ at: new Float64Array(at), ids });
}

function openIncidentAt(at: { lat: number; lon: number }) {
  const { at: dots, ids } = incidents.get();
  let best = -1;
  let near = 0.15 ** 2;
  for (let i = 0; i < dots.length; i += 2) {
    const d = ((dots[i] ?? 0) - at.lat) ** 2 + ((dots[i + 1] ?? 0) - at.lon) ** 2;
    if (d < near) {
      near = d;
      best = i / 2;
    }
  }
  const id = ids[best];
  if (id) go('/graph', { id });
}

export function Watch() {
  const t = useT();
  const times = useTimes();
  const { query } = useUrl();
  const all = useStore(feed);
  const acks = useStore(acknowledged);
  const state = useStore(live);
  const compact = useStore(density) === 'compact';
  const community = useCommunity();
  const version = useStore(contentsVersion);
  const dots = useStore(incidents);
  const { rows, waiting } = useShown();
  const input = useRef<HTMLInputElement>(null);
  const self = community?.self ?? '';
  const [typed, setTyped] = useState(query['q'] ?? '');
  useEffect(() => setTyped(query['q'] ?? ''), [query['q']]);

  const selected = query['item'] ?? rows[0]?.id ?? null;
  const item = useMemo(() => all.items.find((one) => one.id === selected) ?? null, [all.items, selected]);
  const select = (one: Item) => change({ item: one.id });
  useEffect(() => wanted(rows.slice(0, 80)), [rows]);
  useEffect(() => {
    const timer = setTimeout(() => void loadIncidents(), 600);
    return () => clearTimeout(timer);
  }, []);

  const marks = useMemo(() => {
    const out: Mark[] = [];
    for (const one of rows.slice(0, 400)) {
      const found = knownContents.get(one.id);
      const place = found?.places[0];
      // A set of a hundred incidents is no place: its points are on the chart already.
      if (place && one.objects <= 40) out.push({ id: one.id, lat: place.lat, lon: place.lon, precedence: one.precedence, title: shortId(one), place: place.name || position(place.lat, place.lon) });
    }
    return out;
  }, [rows, version]);
  const flash = useMemo(() => new Set(alarms(all.items.slice(0, 5000), acks, self).map((one) => one.id)), [all.items, acks, self]);

  const step = (by: number) => {
    const at = rows.findIndex((one) => one.id === selected);
    const next = rows[Math.max(0, Math.min(rows.length - 1, at + by))];
    if (next) select(next);
  };
  const accept = () => {
    if (!item || item.id in acks) return;
    acknowledge(item.id);
    say(t('{id} acknowledged on this screen', { id: shortId(item) }), 'ok', () => undoAcknowledge(item.id));
  };
  const nextWaiting = () => {
    const at = waiting.findIndex((one) => one.id === selected);
    const next = waiting[(at + 1) % Math.max(1, waiting.length)];
    if (next) select(next);
    else say(t('Nothing waits to be acknowledged'));
  };
  const reply = () => item && may('share') && go('/write', { kind: 'NOTE', about: knownContents.get(item.id)?.main?.id ?? '', title: `Re ${shortId(item)}: ${item.title}`.slice(0, 120), to: item.originator !== self ? item.originator : '' });
  useKeys([
    { key: 'j', label: t('Next item'), run: () => step(1) },
    { key: 'k', label: t('Previous item'), run: () => step(-1) },
    { key: 'n', label: t('Next to acknowledge'), run: nextWaiting },
    ...(flash.size === 0 ? [{ key: 'a', label: t('Acknowledge'), run: accept }] : []),
    { key: 'r', label: t('Reply'), run: reply },
    { key: '/', label: t('Filter'), run: () => input.current?.focus() },
    { key: 'm', label: t('To the map'), run: () => document.querySelector<HTMLElement>('.map canvas')?.focus() },
    { key: 'Escape', label: t('Clear the filter'), run: () => { input.current?.blur(); if (query['q']) change({ q: undefined }); } },
  ]);

  return (
    <div className="watch">
      <section className="feed" aria-label={t('Live feed')}>
        <header>
          <h2>{t('Live feed')}</h2>
          <span className={`live ${state}`}>● {t(state === 'live' ? 'live' : state === 'connecting' ? 'connecting' : state === 'stale' ? 'no answer' : 'off')}</span>
          <span className="grow" />
          <span className="mono total" title={t('Rows loaded; older ones come as you scroll')}>{count(rows.length)}{all.next ? '+' : ''}</span>
        </header>
        <div className="filter">
          <Search size={15} aria-hidden />
          <input
            ref={input}
            value={typed}
            aria-label={t('Filter')}
            placeholder={t('Filter: text, id, from:ID prec:O topic:cyber')}
            spellCheck={false}
            onChange={(event) => {
              setTyped(event.target.value);
              change({ q: event.target.value || undefined });
            }}
          />
          <Key>/</Key>
        </div>
        <div className="tabs" role="group" aria-label={t('Precedence')}>
          {TABS.map((tab) => (
            <button key={tab.id} aria-pressed={(query['tab'] ?? '') === tab.id} onClick={() => change({ tab: tab.id || undefined })}>
              {t(tab.label)}
              {tab.id === 'ack' && waiting.length > 0 && <b>{waiting.length}</b>}
            </button>
          ))}
        </div>
        <div className="selects">
          <select aria-label={t('Sender')} value={query['from'] ?? ''} onChange={(e) => change({ from: e.target.value || undefined })}>
            <option value="">{t('All senders')}</option>
            {community?.members.map((m) => <option key={m.id} value={m.id}>{m.id} · {m.name}</option>)}
          </select>
          <select aria-label={t('Topic')} value={query['topic'] ?? ''} onChange={(e) => change({ topic: e.target.value || undefined })}>
            <option value="">{t('All topics')}</option>
            {TOPICS.map((topic) => <option key={topic} value={topic}>{t(topic)}</option>)}
          </select>
        </div>
        {!all.loaded ? <div className="loading" aria-busy="true" /> : rows.length === 0 ? (
          <div className="empty">
            <p>{all.items.length === 0 ? t('Nothing has come in yet.') : t('No item here passes the filter.')}</p>
            {all.items.length > 0 && <button onClick={() => change({ q: undefined, tab: undefined, from: undefined, topic: undefined })}>{t('Clear the filter')}</button>}
          </div>
        ) : (
          <Rows
            rows={rows}
            height={compact ? 30 : 58}
            label={t('Items, newest first')}
            keyOf={(one) => one.id}
            selected={selected}
            onSelect={select}
            onEnd={() => void loadOlder()}
            fresh={(n) => t('{n} new', { n })}
            draw={(one) => {
              const found = knownContents.get(one.id);
              const waits = (one.precedence === 'FLASH' || one.precedence === 'IMMEDIATE') && one.originator !== self && one.state === 'active' && !(one.id in acks);
              return (
                <div className={`card ${waits ? `waits ${one.precedence}` : ''} ${one.state !== 'active' ? 'gone' : ''}`}>
                  <Badge of={one.precedence} />
                  <span className="mono id">{shortId(one)}</span>
                  {!compact && <span className="kind">{found?.kind || (one.objects > 40 ? t('{n} objects', { n: one.objects }) : '')}</span>}
                  {!compact && <span className="mono grade">{found ? `${found.reliability}${found.credibility}` : ''}</span>}
                  <span className="mono time">{times.brief(one.received)}</span>
                  <span className="title">{one.state === 'active' ? plain(one.title) : t('Taken back by its originator')}</span>
                </div>
              );
            }}
          />
        )}
      </section>
      <Chart marks={marks} dots={dots.at} selected={selected} flash={flash} onSelect={(id) => change({ item: id })} onPoint={openIncidentAt} />
      <ItemDetail item={item} onAcknowledge={accept} onReply={reply} />
    </div>
  );
}

// The demonstration says on each row what the whole community says in the marking bar already.
export const plain = (title: string) => title.replace(/^DEMONSTRATION: /, '') || '—';
