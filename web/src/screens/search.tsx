// What the node can answer today: objects by type, id, sender and time.
import { useEffect, useRef, useState } from 'react';
import { get, words } from '../lib/api';
import { count, useTimes } from '../lib/format';
import { useT } from '../lib/i18n';
import { useKeys } from '../lib/keys';
import { change, go, useUrl } from '../lib/router';
import { nameOf } from '../lib/stix';
import type { StixObject } from '../lib/types';
import { Empty, Field, Key, useCommunity } from '../parts/bits';
import { Rows } from '../parts/rows';

const TYPES = ['report', 'note', 'incident', 'indicator', 'location', 'identity', 'malware', 'attack-pattern', 'campaign', 'course-of-action', 'tool', 'vulnerability', 'relationship', 'observed-data', 'x-mitre-tactic', 'x-mitre-asset'];
const DAY = /^\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])$/;
const ID = /^[a-z0-9-]+--[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

interface Hit {
  object: StixObject;
  originator: string;
}
interface Found {
  hits: Hit[];
  next: string | undefined;
}

async function ask(query: Record<string, string>, cursor?: string): Promise<Found> {
  const wanted = new URLSearchParams({ limit: '200' });
  for (const name of ['type', 'creator', 'version']) if (query[name]) wanted.set(name, query[name]);
  if (DAY.test(query['after'] ?? '')) wanted.set('added_after', `${query['after']}T00:00:00Z`);
  if (query['q'] && ID.test(query['q'])) wanted.set('id', query['q']);
  if (cursor) wanted.set('cursor', cursor);
  const page = await get<{ objects: StixObject[]; originators: string[]; next?: string }>(`/api/v1/objects?${wanted}`);
  return { hits: page.objects.map((object, i) => ({ object, originator: page.originators[i] ?? '' })), next: page.next };
}

export function Search() {
  const t = useT();
  const times = useTimes();
  const { query } = useUrl();
  const community = useCommunity();
  const [found, setFound] = useState<Found | null>(null);
  const [failed, setFailed] = useState('');
  const [text, setText] = useState(query['q'] ?? '');
  const box = useRef<HTMLInputElement>(null);
  const busy = useRef(false);
  const key = JSON.stringify([query['type'], query['creator'], query['after'], query['version'], ID.test(query['q'] ?? '') ? query['q'] : '']);
  useEffect(() => setText(query['q'] ?? ''), [query['q']]);
  useEffect(() => {
    let current = true;
    setFound(null);
    void ask(query).then((one) => { if (current) { setFound(one); setFailed(''); } }, (error: unknown) => current && setFailed(words(error)));
    return () => {
      current = false;
    };
    // The key holds what the node is asked; words are looked for in what it has answered.
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, [key]);
  const more = () => {
    if (!found?.next || busy.current) return;
    busy.current = true;
    void ask(query, found.next).then((page) => setFound((now) => now && { hits: [...now.hits, ...page.hits], next: page.next }), () => undefined).finally(() => (busy.current = false));
  };
  useKeys([{ key: '/', label: t('Search'), run: () => box.current?.focus() }]);
  const needles = ID.test(query['q'] ?? '') ? [] : (query['q'] ?? '').toLowerCase().split(/\s+/).filter(Boolean);
  const hits = (found?.hits ?? []).filter(({ object }) => {
    const own = `${nameOf(object)} ${object.id} ${object.description ?? ''}`.toLowerCase();
    return needles.every((needle) => own.includes(needle));
  });
  const selected = query['hit'] ?? null;
  const chosen = hits.find((hit) => hit.object.id === selected);
  return (
    <div className="search">
      <form className="asks" onSubmit={(e) => { e.preventDefault(); change({ q: text.trim() || undefined }); }}>
        <Field label={t('STIX id, or words within the loaded results')} wide><div className="row-of"><input ref={box} value={text} spellCheck={false} onChange={(e) => setText(e.target.value)} placeholder="indicator--…" /><button className="primary">{t('Search')} <Key>Enter</Key></button></div></Field>
        <Field label={t('Type')}><select value={query['type'] ?? ''} onChange={(e) => change({ type: e.target.value || undefined })}><option value="">{t('All types')}</option>{TYPES.map((type) => <option key={type}>{type}</option>)}</select></Field>
        <Field label={t('Sender')}><select value={query['creator'] ?? ''} onChange={(e) => change({ creator: e.target.value || undefined })}><option value="">{t('All senders')}</option>{community?.members.map((m) => <option key={m.id} value={m.id}>{m.id} · {m.name}</option>)}</select></Field>
        <Field label={t('Added here since (Z)')}><input className="mono" placeholder="YYYY-MM-DD" defaultValue={query['after'] ?? ''} maxLength={10} onChange={(e) => (DAY.test(e.target.value) || !e.target.value) && change({ after: e.target.value || undefined })} /></Field>
        <Field label={t('Versions')}><select value={query['version'] ?? ''} onChange={(e) => change({ version: e.target.value || undefined })}><option value="">{t('Latest')}</option><option value="first">{t('First')}</option><option value="all">{t('All')}</option></select></Field>
        <p className="limits">{t('Not there yet: full-text search over all holdings, facets and counts. Words are looked for in the rows that are loaded; objects come in the order in which they were added here.')}</p>
      </form>
      <section className="hits" aria-label={t('Results')}>
        <header><h2>{t('Results')}</h2><span className="mono">{found ? `${count(hits.length)}${found.next ? '+' : ''}` : '…'}</span><span className="grow" />{found?.next && <button onClick={more}>{t('Load more')}</button>}</header>
        {failed ? <Empty title={failed} /> : !found ? <div className="loading" aria-busy="true" /> : hits.length === 0 ? <Empty title={t('Nothing that you may read matches.')}>{needles.length > 0 && found.next ? t('Only loaded rows are looked through: load more, or narrow by type.') : ''}</Empty> : (
          <Rows
            rows={hits}
            height={48}
            label={t('Results')}
            keyOf={(hit) => `${hit.object.id}${query['version'] === 'all' ? `@${hit.object.modified}` : ''}`}
            selected={selected}
            onSelect={(hit) => change({ hit: hit.object.id })}
            onOpen={(hit) => go('/graph', { id: hit.object.id })}
            onEnd={more}
            draw={({ object, originator }) => (
              <div className="hit"><span className="type">{object.type}</span><b>{nameOf(object)}</b><span className="mono by">{originator}</span><span className="mono when">{object.modified ? times.dtg(object.modified) : ''}</span><small>{object.description ?? object.id}</small></div>
            )}
          />
        )}
      </section>
      <aside className="detail" aria-label={t('Detail')}>
        <div className="scroll" tabIndex={0} role="region" aria-label={t('Object')}>
          {chosen ? (
            <>
              <p className="type">{chosen.object.type}</p>
              <h2>{nameOf(chosen.object)}</h2>
              <dl className="facts"><div><dt>{t('Sender')}</dt><dd>{chosen.originator}</dd></div><div><dt>{t('Modified')}</dt><dd className="mono">{chosen.object.modified ? times.dtg(chosen.object.modified) : '—'}</dd></div></dl>
              <p className="mono idline">{chosen.object.id}</p>
              {chosen.object.description && <div className="text"><p>{chosen.object.description}</p></div>}
            </>
          ) : <Empty title={t('Choose a result.')} />}
        </div>
        {chosen && <footer><button className="primary" onClick={() => go('/graph', { id: chosen.object.id })}>{t('Open with its relations')} <Key>Enter</Key></button></footer>}
      </aside>
    </div>
  );
}
