// One object, its versions and what it hangs together with. The table beside the picture says the same.
import { Expand, Locate, ZoomIn, ZoomOut } from 'lucide-react';
import { useCallback, useEffect, useMemo, useRef, useState } from 'react';
import { get, request, words } from '../lib/api';
import { useTimes } from '../lib/format';
import { useT } from '../lib/i18n';
import { useKeys } from '../lib/keys';
import { place, type Edge, type Node } from '../lib/layout';
import { change, go, useUrl } from '../lib/router';
import { nameOf } from '../lib/stix';
import { say } from '../lib/toast';
import type { StixObject } from '../lib/types';
import { Empty, Key, useCopy } from '../parts/bits';

const NODES_MAX = 300;
const HIDDEN = new Set(['object_marking_refs', 'extensions']);
const FAMILY: Record<string, string> = { report: 'say', note: 'say', opinion: 'say', incident: 'event', 'observed-data': 'event', sighting: 'event', indicator: 'sign', malware: 'sign', tool: 'sign', vulnerability: 'sign', 'attack-pattern': 'sign', identity: 'who', 'threat-actor': 'who', 'intrusion-set': 'who', campaign: 'who', location: 'where' };
const kindOf = (id: string) => id.split('--')[0] ?? '';

interface Relations {
  refers_to: { id: string; relation: string }[];
  referred_by: { id: string; relation: string }[];
}
interface Loaded {
  objects: Map<string, StixObject>;
  edges: Edge[];
  open: Set<string>;
  by: Map<string, string>; // object -> member
}

// A relationship object is an edge of its own: source -> target with its type.
function joined(loaded: Loaded): { ids: string[]; edges: Edge[] } {
  const edges: Edge[] = [];
  const seen = new Set<string>();
  const add = (edge: Edge) => {
    const key = `${edge.from}|${edge.to}|${edge.relation}`;
    if (!seen.has(key)) {
      seen.add(key);
      edges.push(edge);
    }
  };
  for (const object of loaded.objects.values())
    if (object.type === 'relationship') add({ from: String(object['source_ref']), to: String(object['target_ref']), relation: String(object['relationship_type']) });
  for (const edge of loaded.edges) if (kindOf(edge.from) !== 'relationship' && kindOf(edge.to) !== 'relationship' && !HIDDEN.has(edge.relation)) add(edge);
  const ids = [...loaded.objects.keys()].filter((id) => kindOf(id) !== 'relationship').slice(0, NODES_MAX);
  const there = new Set(ids);
  return { ids, edges: edges.filter((e) => there.has(e.from) && there.has(e.to)) };
}

async function objectsOf(ids: string[]): Promise<[StixObject, string][]> {
  const out: [StixObject, string][] = [];
  for (let i = 0; i < ids.length; i += 40) {
    const page = await get<{ objects: StixObject[]; originators: string[] }>(`/api/v1/objects?limit=200&id=${encodeURIComponent(ids.slice(i, i + 40).join(','))}`);
    page.objects.forEach((object, n) => out.push([object, page.originators[n] ?? '']));
  }
  return out;
}

async function expand(id: string, before: Loaded): Promise<{ next: Loaded; cut: boolean }> {
  const next: Loaded = { objects: new Map(before.objects), edges: [...before.edges], open: new Set(before.open).add(id), by: new Map(before.by) };
  if (!next.objects.has(id)) {
    const response = await request(`/api/v1/objects/${encodeURIComponent(id)}`);
    next.objects.set(id, (await response.json()) as StixObject);
    next.by.set(id, response.headers.get('amic-originator') ?? '');
  }
  const around = await get<Relations>(`/api/v1/objects/${encodeURIComponent(id)}/relations?limit=200`);
  const out = around.refers_to.filter((e) => !HIDDEN.has(e.relation));
  for (const edge of out) next.edges.push({ from: id, to: edge.id, relation: edge.relation });
  for (const edge of around.referred_by) next.edges.push({ from: edge.id, to: id, relation: edge.relation });
  const wanted = [...new Set([...out, ...around.referred_by].map((e) => e.id))].filter((one) => !next.objects.has(one));
  const room = NODES_MAX - next.objects.size;
  const found = await objectsOf(wanted.slice(0, Math.max(0, room)));
  const far: string[] = [];
  for (const [object, by] of found) {
    next.objects.set(object.id, object);
    next.by.set(object.id, by);
    if (object.type === 'relationship') for (const end of ['source_ref', 'target_ref']) if (!next.objects.has(String(object[end]))) far.push(String(object[end]));
  }
  for (const [object, by] of await objectsOf([...new Set(far)].slice(0, Math.max(0, NODES_MAX - next.objects.size)))) {
    next.objects.set(object.id, object);
    next.by.set(object.id, by);
  }
  return { next, cut: wanted.length > room };
}

export function Graph() {
  const t = useT();
  const { query } = useUrl();
  const center = query['id'] ?? '';
  const [typed, setTyped] = useState('');
  const [loaded, setLoaded] = useState<Loaded | null>(null);
  const [failed, setFailed] = useState('');
  const nodes = useRef(new Map<string, Node>());
  const latest = useRef<Loaded | null>(null);
  latest.current = loaded;

  const open = useCallback(async (id: string, fresh: boolean) => {
    try {
      const { next, cut } = await expand(id, fresh || !latest.current ? { objects: new Map(), edges: [], open: new Set(), by: new Map() } : latest.current);
      setFailed('');
      setLoaded(next);
      if (cut) say(t('More than {n} objects: only the first are shown', { n: NODES_MAX }));
    } catch (error) {
      if (fresh) setFailed(words(error));
      else say(words(error), 'bad');
    }
  }, [t]);
  useEffect(() => {
    nodes.current = new Map();
    setLoaded(null);
    if (center) void open(center, true);
  }, [center, open]);

  const drawn = useMemo(() => {
    if (!loaded) return null;
    const { ids, edges } = joined(loaded);
    nodes.current = place(nodes.current, ids, edges, center);
    return { nodes: [...nodes.current.values()], edges };
  }, [loaded, center]);

  const selected = query['sel'] ?? center;
  useKeys([
    { key: 'e', label: t('Expand the object'), run: () => void open(selected, false) },
    { key: 'f', label: t('Make it the middle'), run: () => go('/graph', { id: selected }) },
  ]);
  if (!center)
    return (
      <div className="page">
        <h2>{t('Object and graph')}</h2>
        <form className="row-of start" onSubmit={(e) => { e.preventDefault(); if (typed.trim()) go('/graph', { id: typed.trim() }); }}>
          <input aria-label={t('STIX id')} value={typed} onChange={(e) => setTyped(e.target.value)} placeholder={t('STIX id, e.g. incident--…')} autoFocus />
          <button className="primary">{t('Open')}</button>
        </form>
        <Empty title={t('Choose an object: from an item, from the search, or by its id.')}><button onClick={() => go('/search')}>{t('Search')}</button></Empty>
      </div>
    );
  if (failed) return <div className="page"><Empty title={failed}><button onClick={() => go('/search')}>{t('Search')}</button></Empty></div>;
  if (!drawn || !loaded) return <div className="loading" aria-busy="true" />;
  return (
    <div className="graph">
      <Picture drawn={drawn} loaded={loaded} center={center} selected={selected} onSelect={(id) => change({ sel: id })} onExpand={(id) => void open(id, false)} />
      <Inspector id={selected} loaded={loaded} edges={drawn.edges} onExpand={() => void open(selected, false)} />
    </div>
  );
}

function Picture({ drawn, loaded, center, selected, onSelect, onExpand }: { drawn: { nodes: Node[]; edges: Edge[] }; loaded: Loaded; center: string; selected: string; onSelect(id: string): void; onExpand(id: string): void }) {
  const t = useT();
  const [view, setView] = useState({ x: 0, y: 0, k: 1 });
  const drag = useRef<{ x: number; y: number } | null>(null);
  const svg = useRef<SVGSVGElement>(null);
  const by = useMemo(() => new Map(drawn.nodes.map((n) => [n.id, n])), [drawn]);
  const fit = useCallback(() => {
    const box = svg.current?.getBoundingClientRect();
    if (!box || drawn.nodes.length === 0) return;
    const xs = drawn.nodes.map((n) => n.x);
    const ys = drawn.nodes.map((n) => n.y);
    const [x0, x1, y0, y1] = [Math.min(...xs), Math.max(...xs), Math.min(...ys), Math.max(...ys)];
    const k = Math.min(1.15, (box.width - 260) / Math.max(60, x1 - x0), (box.height - 160) / Math.max(60, y1 - y0));
    setView({ k, x: -((x0 + x1) / 2) * k, y: -((y0 + y1) / 2) * k });
  }, [drawn]);
  useEffect(fit, [fit]);
  useEffect(() => {
    const element = svg.current;
    const wheel = (event: WheelEvent) => {
      event.preventDefault();
      setView((v) => ({ ...v, k: Math.min(4, Math.max(0.15, v.k * Math.exp(-event.deltaY * 0.0015))) }));
    };
    element?.addEventListener('wheel', wheel, { passive: false });
    return () => element?.removeEventListener('wheel', wheel);
  }, []);
  const label = (id: string) => {
    const object = loaded.objects.get(id);
    const text = object ? nameOf(object) : kindOf(id);
    return text.length > 24 ? `${text.slice(0, 23)}…` : text;
  };
  const many = drawn.nodes.length > 60;
  const crowded = drawn.edges.filter((e) => e.from === selected || e.to === selected).length > 12;
  return (
    <section className="picture" aria-label={t('Graph')}>
      <svg
        ref={svg}
        width="100%"
        height="100%"
        role="group"
        aria-label={t('{n} objects; the list beside says the same', { n: drawn.nodes.length })}
        onPointerDown={(e) => { drag.current = { x: e.clientX, y: e.clientY }; }}
        onPointerMove={(e) => {
          const d = drag.current;
          if (!d || e.buttons === 0) return;
          setView((v) => ({ ...v, x: v.x + e.clientX - d.x, y: v.y + e.clientY - d.y }));
          drag.current = { x: e.clientX, y: e.clientY };
        }}
        onPointerUp={() => { drag.current = null; }}
      >
        <svg x="50%" y="50%" overflow="visible">
          <g transform={`translate(${view.x} ${view.y}) scale(${view.k})`}>
            {drawn.edges.map((edge) => {
              const [a, b] = [by.get(edge.from), by.get(edge.to)];
              if (!a || !b) return null;
              const near = edge.from === selected || edge.to === selected;
              return (
                <g key={`${edge.from}${edge.to}${edge.relation}`} className={near ? 'edge near' : 'edge'}>
                  <line x1={a.x} y1={a.y} x2={b.x} y2={b.y} />
                  {near && !many && !crowded && <text x={(a.x + b.x) / 2} y={(a.y + b.y) / 2 - 4}>{edge.relation.replace(/_refs?$/, '')}</text>}
                </g>
              );
            })}
            {drawn.nodes.map((node) => (
              <g key={node.id} className={`node ${FAMILY[kindOf(node.id)] ?? 'other'} ${node.id === selected ? 'on' : ''}`} transform={`translate(${node.x} ${node.y})`} role="button" tabIndex={node.id === selected ? 0 : -1} onClick={() => onSelect(node.id)} onDoubleClick={() => onExpand(node.id)} onKeyDown={(e) => e.key === 'Enter' && onExpand(node.id)}>
                <circle r={node.id === center ? 15 : 11} />
                {!loaded.open.has(node.id) && <path className="plus" d="M-4 0H4M0-4V4" />}
                {(!many || node.id === selected || node.id === center) && <><text y={node.id === center ? 29 : 25}>{label(node.id)}</text>{(drawn.nodes.length < 16 || node.id === selected) && <text className="of" y={node.id === center ? 41 : 37}>{kindOf(node.id)}</text>}</>}
              </g>
            ))}
          </g>
        </svg>
      </svg>
      <div className="zoom">
        <button aria-label={t('Zoom in')} onClick={() => setView((v) => ({ ...v, k: v.k * 1.4 }))}><ZoomIn size={15} aria-hidden /></button>
        <button aria-label={t('Zoom out')} onClick={() => setView((v) => ({ ...v, k: v.k / 1.4 }))}><ZoomOut size={15} aria-hidden /></button>
        <button aria-label={t('Whole graph')} onClick={fit}><Expand size={14} aria-hidden /></button>
      </div>
      <p className="graph-legend"><span className="say">{t('reports, notes')}</span><span className="event">{t('events')}</span><span className="sign">{t('signs')}</span><span className="who">{t('who')}</span><span className="where">{t('where')}</span> · {t('double click or')} <Key>E</Key> {t('expands')}</p>
    </section>
  );
}

function Inspector({ id, loaded, edges, onExpand }: { id: string; loaded: Loaded; edges: Edge[]; onExpand(): void }) {
  const t = useT();
  const times = useTimes();
  const copy = useCopy();
  const [versions, setVersions] = useState<{ objects: StixObject[]; originators: string[] } | null>(null);
  const object = loaded.objects.get(id);
  useEffect(() => {
    let current = true;
    setVersions(null);
    void get<{ objects: StixObject[]; originators: string[] }>(`/api/v1/objects/${encodeURIComponent(id)}/versions`).then((v) => current && setVersions(v), () => undefined);
    return () => {
      current = false;
    };
  }, [id]);
  if (!object) return <aside className="detail" aria-label={t('Object')}><Empty title={t('Not held here, or not for you to read.')} /></aside>;
  const own = edges.filter((e) => e.from === id || e.to === id);
  const shown = Object.entries(object).filter(([name]) => !['id', 'type', 'spec_version', 'name', 'description', 'created', 'modified', 'object_refs', 'extensions'].includes(name));
  return (
    <aside className="detail" aria-label={t('Object')}>
      <div className="scroll" tabIndex={0} role="region" aria-label={nameOf(object)}>
        <div className="head"><span className="type">{object.type}</span><span className="grow" /><button onClick={() => copy(JSON.stringify(object, null, 2), 'STIX')}>STIX</button><button onClick={() => copy(object.id, t('Id'))}>{t('Id')}</button></div>
        <h2>{nameOf(object)}</h2>
        <p className="mono idline">{object.id}</p>
        <dl className="facts">
          <div><dt>{t('Sender')}</dt><dd>{loaded.by.get(id) || '—'}</dd></div>
          <div><dt>{t('Modified')}</dt><dd className="mono">{object.modified ? times.dtg(object.modified) : '—'}</dd></div>
        </dl>
        {object.description && <div className="text"><p>{object.description}</p></div>}
        <table className="plain"><tbody>{shown.map(([name, value]) => <tr key={name}><th scope="row">{name}</th><td>{typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean' ? String(value) : Array.isArray(value) ? value.map((one) => (typeof one === 'object' ? JSON.stringify(one) : String(one))).join(', ') : JSON.stringify(value)}</td></tr>)}</tbody></table>
        <h3>{t('Relations')} <span className="mono">{own.length}</span></h3>
        <ul className="relations">{own.slice(0, 100).map((edge, i) => { const other = edge.from === id ? edge.to : edge.from; const there = loaded.objects.get(other); return <li key={i}><span>{edge.from === id ? '→' : '←'} {edge.relation.replace(/_refs?$/, '')}</span><button className="quiet" onClick={() => change({ sel: other })}>{there ? nameOf(there) : other}</button></li>; })}</ul>
        <h3>{t('Versions')} <span className="mono">{versions?.objects.length ?? '…'}</span></h3>
        <ol className="versions">{versions?.objects.slice(-20).reverse().map((v, i) => <li key={i}><span className="mono">{v.modified ? times.dtg(v.modified) : '—'}</span> {versions.originators[versions.objects.length - 1 - i]}{i === 0 ? ` · ${t('latest')}` : ''}</li>)}</ol>
      </div>
      <footer><button className="primary" disabled={loaded.open.has(id)} onClick={onExpand}>{t('Expand')} <Key>E</Key></button><button onClick={() => go('/graph', { id })}><Locate size={15} aria-hidden /> {t('Middle')} <Key>F</Key></button></footer>
    </aside>
  );
}
