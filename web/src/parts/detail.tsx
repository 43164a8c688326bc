// One item in full.
import { Check, Copy, Link2, MapPin, Reply, Share2, ShieldCheck } from 'lucide-react';
import { useEffect, useState } from 'react';
import { get, getText, words } from '../lib/api';
import { acknowledged, contentsVersion, knownContents, load } from '../lib/feed';
import { bytes, dms, position, shortId, useTimes } from '../lib/format';
import { useT } from '../lib/i18n';
import { go } from '../lib/router';
import { may } from '../lib/session';
import { CREDIBILITY, LIKELIHOOD, RELIABILITY, nameOf, type Contents } from '../lib/stix';
import { useStore } from '../lib/store';
import { plain } from '../screens/watch';
import type { Item } from '../lib/types';
import { Empty, Key, Word, saveFile, useCommunity, useCopy, useMemberName } from './bits';

const OBJECTS_SHOWN = 12;

function Text({ text }: { text: string }) {
  const [head = '', ...rest] = text.split('\n\n');
  const lines = head.split('\n').map((line) => /^([A-Z][A-Z ]{2,}): (.+)$/.exec(line));
  const formed = lines.length > 0 && lines.every(Boolean);
  return (
    <div className="text">
      {formed ? (
        <dl className="formed">{lines.map((m) => <div key={m![1]}><dt>{m![1]}</dt><dd>{m![2]}</dd></div>)}</dl>
      ) : <p>{head}</p>}
      {rest.map((paragraph, i) => <p key={i}>{paragraph}</p>)}
    </div>
  );
}

function Grades({ found }: { found: Contents }) {
  const t = useT();
  const likelihood = LIKELIHOOD.find((l) => l.id === found.likelihood);
  if (!found.reliability && !found.credibility && !likelihood) return null;
  return (
    <div className="grades">
      <div><span>{t('Source')}</span><b className="mono">{found.reliability || '—'}</b><small>{t(RELIABILITY[found.reliability] ?? 'Not graded')}</small></div>
      <div><span>{t('Information')}</span><b className="mono">{found.credibility || '—'}</b><small>{t(CREDIBILITY[found.credibility] ?? 'Not graded')}</small></div>
      <div>
        <span>{t('Likelihood')}</span>
        <b className="likely">{likelihood ? t(likelihood.name) : '—'}</b>
        {likelihood && (
          <>
            <svg className="bar" viewBox="0 0 100 4" preserveAspectRatio="none" aria-hidden><rect width="100" height="4" /><rect className="on" x={likelihood.from} width={likelihood.to - likelihood.from} height="4" /></svg>
            <small>{likelihood.from}–{likelihood.to} %</small>
          </>
        )}
      </div>
    </div>
  );
}

function Readers({ item }: { item: Item }) {
  const t = useT();
  const community = useCommunity();
  const name = useMemberName();
  if (!item.marking || !community) return null;
  const readers = new Set([item.originator, ...item.marking.rel_to]);
  const everyone = community.members.every((m) => readers.has(m.id));
  return (
    <div className="readers">
      <span>{everyone ? t('Readable by all members') : t('Readable by {n} of {all} members', { n: readers.size, all: community.members.length })}</span>
      <ul>
        {community.members.map((m) => (
          <li key={m.id} className={readers.has(m.id) ? 'in' : ''} title={`${name(m.id)}: ${readers.has(m.id) ? (m.id === item.originator ? t('originator') : t('receives it')) : t('does not receive it')}`}>
            {m.id}<span className="sr">{readers.has(m.id) ? t('receives it') : t('does not receive it')}</span>
          </li>
        ))}
      </ul>
    </div>
  );
}

interface Attachment { id: string; name: string; size: number; state: string }
function Files({ item }: { item: Item }) {
  const t = useT();
  const [files, setFiles] = useState<Attachment[]>([]);
  useEffect(() => {
    let current = true;
    setFiles([]);
    if (item.state === 'active') void get<{ attachments: Attachment[] }>(`/api/v1/items/${item.id}/attachments`).then((found) => current && setFiles(found.attachments), () => undefined);
    return () => {
      current = false;
    };
  }, [item.id, item.state]);
  if (files.length === 0) return null;
  return (
    <div className="objects">
      <h3>{t('Files')}</h3>
      {files.map((file) => <a key={file.id} href={`/api/v1/attachments/${file.id}`} download={file.name}>{file.name} <small className="mono">{bytes(file.size)} · {file.state}</small></a>)}
    </div>
  );
}

function Proof({ item }: { item: Item }) {
  const t = useT();
  const [state, setState] = useState('');
  useEffect(() => setState(''), [item.id]);
  if (!may('audit')) return null;
  const fetchProof = () =>
    void getText(`/api/v1/log/proofs/${item.id}`).then(
      (proof) => {
        saveFile(`${shortId(item)}.proof`, proof);
        setState(t('Saved. Verify it without any node: amic log verify'));
      },
      (error: unknown) => setState(words(error)),
    );
  return (
    <div className="proof">
      <ShieldCheck size={15} aria-hidden />
      <span>{t('Signed by {who}, checked before it was taken in. Log position {seq}.', { who: item.originator, seq: item.seq ?? '—' })}</span>
      <button onClick={fetchProof}>{t('Proof')}</button>
      {state && <small role="status">{state}</small>}
    </div>
  );
}

export function ItemDetail({ item, onAcknowledge, onReply }: { item: Item | null; onAcknowledge(): void; onReply(): void }) {
  const t = useT();
  const times = useTimes();
  const name = useMemberName();
  const copy = useCopy();
  const acks = useStore(acknowledged);
  const community = useCommunity();
  useStore(contentsVersion);
  useEffect(() => {
    if (item) void load(item);
  }, [item]);
  if (!item) return <aside className="detail" aria-label={t('Detail')}><Empty title={t('Choose an item to read it.')} /></aside>;
  const found = knownContents.get(item.id);
  const place = item.objects <= 40 ? found?.places[0] : undefined;
  const own = item.originator === community?.self;
  const done = item.id in acks;
  return (
    <aside className="detail" aria-label={t('Detail')}>
      <div className="scroll" tabIndex={0} role="region" aria-label={item.title}>
        <div className="head">
          <Word of={item.precedence} />
          <span className="kind">{found?.kind ?? ''}</span>
          <span className="grow" />
          <span className="mono">{shortId(item)}</span>
          <button className="icon" title={t('Copy the address')} aria-label={t('Copy the address')} onClick={() => copy(location.href, t('Address'))}><Link2 size={15} aria-hidden /></button>
          <button className="icon" title={t('Copy the id')} aria-label={t('Copy the id')} onClick={() => copy(item.id, t('Id'))}><Copy size={15} aria-hidden /></button>
        </div>
        <h2>{plain(item.title)}</h2>
        {item.marking && <p className="banner mono">{item.marking.banner}</p>}
        {item.state !== 'active' && <p className="notice bad">{t('Taken back by its originator')}: {item.state}{item.operation ? ` · ${times.dtg(item.operation.at)} · ${item.operation.reason}` : ''}</p>}
        <dl className="facts">
          <div><dt>{t('Sent')}</dt><dd className="mono">{times.dtg(item.created)}</dd></div>
          <div><dt>{t('From')}</dt><dd>{name(item.originator)}</dd></div>
          {place && <div><dt>{t('Place')}</dt><dd><MapPin size={12} aria-hidden /> {place.name || '—'}</dd></div>}
          {place && <div><dt>{t('Position')}</dt><dd className="mono" title={dms(place.lat, place.lon)}>{position(place.lat, place.lon)}</dd></div>}
          <div><dt>{t('Received')}</dt><dd className="mono">{times.dtg(item.received)}</dd></div>
          <div><dt>{t('Objects')}</dt><dd className="mono">{item.objects}{item.quarantined + item.rejected > 0 ? ` · ${item.quarantined + item.rejected} ${t('refused')}` : ''}</dd></div>
        </dl>
        {found && <Grades found={found} />}
        <Readers item={item} />
        {found?.text && <Text text={found.text} />}
        {found && found.objects.length > 0 && (
          <div className="objects">
            <h3>{t('Objects in it')} <span className="mono">{item.objects}</span></h3>
            {found.objects.slice(0, OBJECTS_SHOWN).map((object) => (
              <a key={object.id} href={`/graph?id=${encodeURIComponent(object.id)}`} onClick={(e) => { if (e.ctrlKey || e.metaKey) return; e.preventDefault(); go('/graph', { id: object.id }); }}>
                <span className="type">{object.type}</span> {nameOf(object)}
              </a>
            ))}
            {item.objects > OBJECTS_SHOWN && <small>{t('and {n} more', { n: item.objects - OBJECTS_SHOWN })}</small>}
          </div>
        )}
        {item.marking?.purpose && <p className="purpose"><span>{t('Purpose')}</span> {item.marking.purpose}</p>}
        <Files item={item} />
        <Proof item={item} />
      </div>
      <footer>
        {own ? <span className="own">{t('Sent from this node')}</span> : done ? <span className="done"><Check size={15} aria-hidden /> {t('Acknowledged here {time}', { time: times.clock(new Date(acks[item.id] ?? 0)) })}</span> : (
          <button className="primary" onClick={onAcknowledge}><Check size={15} aria-hidden /> {t('Acknowledge')} <Key>A</Key></button>
        )}
        {may('share') && <button onClick={onReply}><Reply size={15} aria-hidden /> {t('Reply')} <Key>R</Key></button>}
        {found?.main && <button className="square" onClick={() => go('/graph', { id: found.main?.id })} title={t('Graph')} aria-label={t('Graph')}><Share2 size={15} aria-hidden /></button>}
      </footer>
    </aside>
  );
}
