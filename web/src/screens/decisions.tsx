// Decisions by consent: motions and the instruments in force. Shows who has replied as a plain count and
// one's own position; never a tally of views, and nobody's name in red.
import { useEffect, useState } from 'react';
import { get, post, words } from '../lib/api';
import { useTimes } from '../lib/format';
import { useT } from '../lib/i18n';
import { change, useUrl } from '../lib/router';
import { may } from '../lib/session';
import { say } from '../lib/toast';
import { Empty, Field, Panel, useCommunity } from '../parts/bits';

interface Summary { id: string; kind: string; title: string; stage: string; replied: number; entitled: number; own_position?: string | null; deadline?: string | null }
interface Article { change: 'added' | 'removed' | 'changed'; heading: string; before: string; after: string }
interface Motion extends Summary {
  next_head: string; // what a position signs
  change: { text?: string };
  effect: { entries: { sentence: string }[]; diffs: { instrument: string; from_version?: number; to_version: number; articles: Article[] }[] };
  comment_texts: { author: string; created: string; place?: string; text: string }[];
}
const POSITIONS = [
  { id: 'agree', name: 'Agree' },
  { id: 'no_objection', name: 'No objection' },
  { id: 'agree_with_statement', name: 'Agree, with a statement' },
  { id: 'not_yet', name: 'Not yet in a position' },
  { id: 'object', name: 'Object' },
  { id: 'does_not_participate', name: 'Does not participate' },
];

export function Decisions() {
  const t = useT();
  const times = useTimes();
  const { query } = useUrl();
  const community = useCommunity();
  const [all, setAll] = useState<Summary[] | null>(null);
  const [failed, setFailed] = useState('');
  const [turn, setTurn] = useState(0);
  useEffect(() => void get<{ motions: Summary[] }>('/api/v1/motions').then((found) => setAll(found.motions), (error: unknown) => setFailed(words(error))), [turn]);
  const chosen = query['motion'] ?? all?.[0]?.id;
  if (failed) return <div className="page"><Empty title={t('This node does not offer decisions yet.')}>{failed}</Empty></div>;
  if (!all) return <div className="loading" aria-busy="true" />;
  return (
    <div className="page wide">
      <div className="split decisions">
        <div className="stack">
          <Panel title={t('Motions')} action={<span className="mono">{all.length}</span>}>
            {all.length === 0 ? <Empty title={t('Nothing is being considered.')} /> : (
              <ul className="motions">{all.map((m) => <li key={m.id} className={m.id === chosen ? 'on' : ''}><button className="quiet" onClick={() => change({ motion: m.id })}><b>{m.title}</b><small>{m.kind} · {m.stage}</small><small>{t('Consultation: {n} of {all} capitals have replied', { n: m.replied, all: m.entitled })}{m.deadline ? ` · ${t('by')} ${times.dtg(m.deadline)}` : ''}</small></button></li>)}</ul>
            )}
          </Panel>
          <Panel title={t('Instruments in force')}>
            <ul className="relations">{community?.instruments.map((one) => <li key={one.kind}><b>{one.kind}</b> {one.title} · {t('version')} {one.version}<a href={`/api/v1/community/instruments/${one.kind}`} download={`${one.kind}-${one.version}.md`}>{t('Text')}</a></li>)}</ul>
          </Panel>
        </div>
        {chosen ? <One key={chosen} id={chosen} onDone={() => setTurn((n) => n + 1)} /> : <Panel title={t('Motion')}><Empty title={t('Choose a motion.')} /></Panel>}
      </div>
    </div>
  );
}

function One({ id, onDone }: { id: string; onDone(): void }) {
  const t = useT();
  const times = useTimes();
  const [motion, setMotion] = useState<Motion | null>(null);
  const [position, setPosition] = useState('');
  const [statement, setStatement] = useState('');
  useEffect(() => void get<Motion>(`/api/v1/motions/${encodeURIComponent(id)}`).then(setMotion, (error: unknown) => say(words(error), 'bad')), [id]);
  if (!motion) return <div className="loading" aria-busy="true" />;
  const said = statement.trim();
  const give = () => void post(`/api/v1/motions/${encodeURIComponent(id)}/position`, { position, next_head: motion.next_head, ...(said && position === 'agree_with_statement' ? { text: said } : {}), ...(said && position === 'object' ? { reason: said } : {}) }).then(() => { say(t('Your position was signed')); onDone(); }, (error: unknown) => say(words(error), 'bad'));
  return (
    <Panel title={motion.title}>
      <p className="hint">{motion.kind} · {motion.stage} · {t('Consultation: {n} of {all} capitals have replied', { n: motion.replied, all: motion.entitled })}</p>
      {motion.effect.entries.length > 0 && <><h3>{t('What it would change')}</h3><ul className="effect">{motion.effect.entries.map((one, i) => <li key={i}>{one.sentence}</li>)}</ul></>}
      {motion.effect.diffs.map((diff) => (
        <section key={diff.instrument}>
          <h3>{diff.instrument} · {t('version')} {diff.from_version ?? '—'} → {diff.to_version}</h3>
          {diff.articles.map((a, i) => <section key={i} className={`article ${a.change}`}><h3>{a.heading} <small>{t(a.change)}</small></h3>{a.before && <del>{a.before}</del>}{a.after && <ins>{a.after}</ins>}</section>)}
        </section>
      ))}
      {motion.change.text && <pre className="instrument" tabIndex={0}>{motion.change.text}</pre>}
      {motion.comment_texts.length > 0 && <><h3>{t('Comments')}</h3><ul className="relations">{motion.comment_texts.map((c, i) => <li key={i}><b>{c.author}</b> <span className="mono">{times.dtg(c.created)}</span> {c.place && <i>{c.place}: </i>}{c.text}</li>)}</ul></>}
      <h3>{t('Your position')}</h3>
      {motion.own_position && <p className="hint">{t('Given')}: <b>{motion.own_position}</b></p>}
      <div className="choice" role="radiogroup" aria-label={t('Your position')}>{POSITIONS.map((p) => <label key={p.id} className={position === p.id ? 'on' : ''}><input type="radio" name="position" checked={position === p.id} onChange={() => setPosition(p.id)} /> {t(p.name)}</label>)}</div>
      {(position === 'agree_with_statement' || position === 'object') && <Field label={position === 'object' ? t('Reason, for the chair alone') : t('Statement, annexed for all')} wide><textarea rows={2} value={statement} onChange={(e) => setStatement(e.target.value)} /></Field>}
      <p className="hint">{t('Signed is exactly the next head with this hash:')} <span className="mono wrap">{motion.next_head}</span></p>
      <button className="primary" disabled={!position || !may('admin')} onClick={give}>{t('Sign this position')}</button>
    </Panel>
  );
}
