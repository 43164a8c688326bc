// The items of this node that the reader may see: newest first, kept current by server-sent events.
import { get } from './api';
import { session } from './session';
import { kept, store } from './store';
import { contentsOf, type Contents } from './stix';
import type { Bundle, Item } from './types';

export interface Feed {
  items: Item[]; // newest first
  next: string | undefined; // cursor of the older ones
  loaded: boolean;
  failed: string;
}
export const feed = store<Feed>({ items: [], next: undefined, loaded: false, failed: '' });
// 'stale': the stream has been silent for longer than the node ever is.
export const live = store<'off' | 'connecting' | 'live' | 'stale'>('off');
export const lastEventAt = store<number>(0);
export const arrivals = store<Item | null>(null); // the latest item that came while watching

interface Page {
  items: Item[];
  next?: string;
}
const PAGE = 200;
const SILENCE_MS = 40_000; // the node sends a comment every 15 s

let source: EventSource | null = null;
let silence = 0;
let refreshing: Promise<void> | null = null;
let again = false;

export async function start(): Promise<void> {
  stop();
  try {
    const page = await get<Page>(`/api/v1/items?limit=${PAGE}`);
    feed.set({ items: page.items, next: page.next, loaded: true, failed: '' });
  } catch (error) {
    feed.set((now) => ({ ...now, loaded: true, failed: error instanceof Error ? error.message : '' }));
  }
  listen();
}

export function stop(): void {
  source?.close();
  source = null;
  clearTimeout(silence);
  live.set('off');
}

function listen(): void {
  live.set('connecting');
  source = new EventSource('/api/v1/events');
  const heard = () => {
    live.set('live');
    lastEventAt.set(Date.now());
    clearTimeout(silence);
    silence = window.setTimeout(() => live.set('stale'), SILENCE_MS);
  };
  source.onopen = () => {
    heard();
    void refresh(); // what came while nobody listened
  };
  source.addEventListener('item', () => {
    heard();
    void refresh();
  });
  source.addEventListener('operation', (event) => {
    heard();
    const { item } = JSON.parse((event as MessageEvent<string>).data) as { item: string };
    void reload(item);
  });
  source.onerror = () => {
    if (session.get().status !== 'in') return stop();
    live.set(source?.readyState === EventSource.CLOSED ? 'stale' : 'connecting');
    if (source?.readyState !== EventSource.CLOSED) return;
    source.close();
    // Refused: the session may have ended. The probe finds out and shows the log-in.
    window.setTimeout(() => void get('/api/v1/community').then(listen, () => session.get().status === 'in' && window.setTimeout(listen, 3000)), 1000);
  };
}
// EventSource shows no comment lines: a quiet node is asked now and then whether it is there.
setInterval(() => {
  if (live.get() === 'off' || session.get().status !== 'in') return;
  if (source?.readyState === EventSource.OPEN && Date.now() - lastEventAt.get() > 12_000)
    void fetch('/healthz', { cache: 'no-store' }).then(
      (r) => {
        if (!r.ok || source?.readyState !== EventSource.OPEN) return;
        live.set('live');
        lastEventAt.set(Date.now());
        clearTimeout(silence);
        silence = window.setTimeout(() => live.set('stale'), SILENCE_MS);
      },
      () => live.set('stale'),
    );
}, 4000);

// Takes the newest pages until they meet what is known. One at a time: bursts cost one request.
export function refresh(): Promise<void> {
  if (refreshing) {
    again = true;
    return refreshing;
  }
  refreshing = fetchNewest().finally(() => {
    refreshing = null;
    if (again) {
      again = false;
      void refresh();
    }
  });
  return refreshing;
}

async function fetchNewest(): Promise<void> {
  const known = new Set(feed.get().items.slice(0, 2000).map((item) => item.id));
  const fresh: Item[] = [];
  let cursor = '';
  try {
    for (let pages = 0; pages < 25; ++pages) {
      const page: Page = await get(`/api/v1/items?limit=${pages === 0 ? 25 : PAGE}${cursor ? `&cursor=${encodeURIComponent(cursor)}` : ''}`);
      const meets = page.items.findIndex((item) => known.has(item.id));
      fresh.push(...(meets < 0 ? page.items : page.items.slice(0, meets)));
      if (meets >= 0 || !page.next || known.size === 0) break;
      cursor = page.next;
    }
  } catch {
    return; // the stream's state says that the node is away
  }
  if (fresh.length === 0) return;
  feed.set((now) => {
    const have = new Set(now.items.slice(0, 5000).map((item) => item.id));
    return { ...now, items: [...fresh.filter((item) => !have.has(item.id)), ...now.items] };
  });
  for (const item of [...fresh].reverse()) arrivals.set(item);
}

async function reload(id: string): Promise<void> {
  try {
    const item = await get<Item>(`/api/v1/items/${id}`);
    feed.set((now) => ({ ...now, items: now.items.map((one) => (one.id === id ? { ...one, ...item } : one)) }));
    if (item.state !== 'active') contents.delete(id);
  } catch {
    feed.set((now) => ({ ...now, items: now.items.filter((one) => one.id !== id) }));
  }
}

let older: Promise<void> | null = null;
export function loadOlder(): Promise<void> {
  const { next } = feed.get();
  if (!next || older) return older ?? Promise.resolve();
  older = get<Page>(`/api/v1/items?limit=500&cursor=${encodeURIComponent(next)}`)
    .then((page) => feed.set((now) => ({ ...now, items: [...now.items, ...page.items], next: page.next })))
    .catch(() => undefined)
    .finally(() => (older = null));
  return older;
}

// --- what is in an item ---------------------------------------------------------------------------

const contents = new Map<string, Promise<Contents | null>>();
export const contentsVersion = store(0);
export const knownContents = new Map<string, Contents>();
const CONTENTS_MAX = 3000;

export function load(item: Item): Promise<Contents | null> {
  const known = contents.get(item.id);
  if (known) return known;
  if (item.state !== 'active' || !item.media_type.startsWith('application/stix+json')) return Promise.resolve(null);
  const wanted = get<Bundle>(`/api/v1/items/${item.id}/content`)
    .then((bundle) => {
      const found = contentsOf(bundle);
      // A large set is read for its own screen; the lists keep only what they show.
      knownContents.set(item.id, found.objects.length > 60 ? { ...found, objects: found.objects.slice(0, 60) } : found);
      if (knownContents.size > CONTENTS_MAX) knownContents.delete(knownContents.keys().next().value ?? '');
      contentsVersion.set((n) => n + 1);
      return knownContents.get(item.id) ?? null;
    })
    .catch(() => null);
  contents.set(item.id, wanted);
  if (contents.size > CONTENTS_MAX) contents.delete(contents.keys().next().value ?? '');
  return wanted;
}

// Fills in place, grade and topic of the newest items, two at a time, small ones only.
let queue: Item[] = [];
let busy = 0;
export function wanted(items: Item[]): void {
  queue = items.filter((item) => item.objects > 0 && item.objects <= 40 && item.state === 'active' && !contents.has(item.id));
  pump();
}
function pump(): void {
  while (busy < 2) {
    const next = queue.shift();
    if (!next) return;
    ++busy;
    void load(next).finally(() => {
      --busy;
      pump();
    });
  }
}

// --- acknowledged here ----------------------------------------------------------------------------

export const acknowledged = kept<Record<string, number>>('acknowledged', {});
const KEPT_MAX = 4000;
export function acknowledge(id: string): void {
  acknowledged.set((now) => {
    const entries = Object.entries({ ...now, [id]: Date.now() });
    return Object.fromEntries(entries.slice(-KEPT_MAX));
  });
}
export function undoAcknowledge(id: string): void {
  acknowledged.set((now) => Object.fromEntries(Object.entries(now).filter(([key]) => key !== id)));
}
const ALARM_MS = 24 * 3600 * 1000;
// FLASH of others, not older than a day, not acknowledged in this browser.
export function alarms(items: Item[], acks: Record<string, number>, self: string, now = Date.now()): Item[] {
  return items.filter((item) => item.precedence === 'FLASH' && item.originator !== self && item.state === 'active' && !(item.id in acks) && now - new Date(item.received).getTime() < ALARM_MS);
}
export function toAcknowledge(items: Item[], acks: Record<string, number>, self: string): Item[] {
  return items.filter((item) => (item.precedence === 'FLASH' || item.precedence === 'IMMEDIATE') && item.originator !== self && item.state === 'active' && !(item.id in acks));
}
