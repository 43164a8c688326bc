// A report from form to release. What is released is exactly what the preview was made of.
import { FilePlus2, Send, Trash2 } from 'lucide-react';
import { useCallback, useEffect, useMemo, useRef, useState } from 'react';
import { Problem, post, words } from '../lib/api';
import { drop, list, save } from '../lib/drafts';
import { refresh } from '../lib/feed';
import { bytes, clock, dms, dtg, parsePosition, parseTime } from '../lib/format';
import { useT } from '../lib/i18n';
import { useKeys } from '../lib/keys';
import { change, go, useUrl } from '../lib/router';
import { session } from '../lib/session';
import { bundleOf, CREDIBILITY, FIELDS, fullText, KINDS, LIKELIHOOD, lint, RELIABILITY, TOPICS, type Draft, type Kind } from '../lib/stix';
import { useStore } from '../lib/store';
import { say } from '../lib/toast';
import { CLASSIFICATIONS, HANDLING, PRECEDENCES, TLPS, type Preview } from '../lib/types';
import { Field, Key, Panel, Word, useCommunity, useMemberName } from '../parts/bits';

const PREVIEW_AFTER_MS = 350;

function blank(query: Record<string, string>): Draft {
  const kind = (KINDS as readonly string[]).includes(query['kind'] ?? '') ? (query['kind'] as Kind) : 'SPOTREP';
  return {
    id: crypto.randomUUID(), kind, precedence: kind === 'WARNING' ? 'IMMEDIATE' : 'PRIORITY', title: query['title'] ?? '', fields: {}, text: '',
    observed: dtg(new Date()), position: '', place: '', topic: '', reliability: '', credibility: '', likelihood: '', about: query['about'] ?? '',
    classification: '', tlp: 'TLP:AMBER', handling: [], relTo: query['to'] ? [query['to']] : [], purpose: '', releaseKey: crypto.randomUUID(), changed: 0,
  };
}

function missing(draft: Draft): string[] {
  const out: string[] = [];
  if (!draft.title.trim()) out.push('Title');
  if (!draft.classification) out.push('Classification');
  if (draft.relTo.length === 0) out.push('Who receives it');
  if (draft.position.trim() && !parsePosition(draft.position)) out.push('Position');
  if (draft.observed.trim() && !parseTime(draft.observed)) out.push('Observed');
  if (draft.precedence === 'FLASH' && fullText(draft).split(/\s+/).length > 200) out.push('A FLASH has at most 200 words');
  return out;
}

function useDrafts() {
  const { query } = useUrl();
  const [all, setAll] = useState<Draft[]>([]);
  const [draft, setDraft] = useState<Draft | null>(null);
  const [savedAt, setSavedAt] = useState(0);
  const latest = useRef<Draft | null>(null);

  useEffect(() => {
    void list().then((found) => {
      setAll(found);
      const wanted = found.find((one) => one.id === query['draft']);
      const start = wanted ?? (query['kind'] || query['about'] ? blank(query) : found[0] ?? blank(query));
      latest.current = start;
      setDraft(start);
      change({ draft: start.id, kind: undefined, about: undefined, title: undefined, to: undefined });
    }, () => setDraft(blank(query)));
    // Read once: afterwards this screen writes the address.
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, []);

  // Every change is written at once: nothing to be lost is ever only in memory for longer than a write takes.
  const edit = useCallback((part: Partial<Draft>) => {
    const now = latest.current;
    if (!now) return;
    const next = { ...now, ...part, changed: Date.now(), releaseKey: crypto.randomUUID() };
    latest.current = next;
    setDraft(next);
    void save(next).then(() => {
      setSavedAt(Date.now());
      setAll((rest) => [next, ...rest.filter((one) => one.id !== next.id)]);
    }, () => say('This browser refused to keep the draft', 'bad'));
  }, []);
  const open = (one: Draft) => {
    latest.current = one;
    setDraft(one);
    change({ draft: one.id });
  };
  const forget = async (id: string) => {
    await drop(id);
    const rest = all.filter((one) => one.id !== id);
    setAll(rest);
    if (latest.current?.id === id) open(rest[0] ?? blank({}));
  };
  return { all, draft, savedAt, edit, open, forget };
}

interface Ready {
  request: string;
  preview: Preview;
}

// The request as it would be released, and what the node says of it. Changes when the draft does.
function usePreview(draft: Draft | null): { ready: Ready | null; failed: string; asking: boolean } {
  const community = useCommunity();
  const [state, setState] = useState<{ ready: Ready | null; failed: string; asking: boolean }>({ ready: null, failed: '', asking: false });
  useEffect(() => {
    if (!draft || !community) return;
    if (missing(draft).length > 0) return setState({ ready: null, failed: '', asking: false });
    setState({ ready: null, failed: '', asking: true });
    const stop = new AbortController();
    const timer = setTimeout(() => {
      void (async () => {
        const name = community.members.find((m) => m.id === community.self)?.name ?? community.self;
        const bundle = await bundleOf(draft, { community: community.id, member: community.self, name: `Watch floor of ${name}` }, parsePosition(draft.position), new Date());
        const marking = { classification: draft.classification, rel_to: draft.relTo, tlp: draft.tlp, handling: draft.handling, ...(draft.purpose.trim() ? { purpose: draft.purpose.trim() } : {}) };
        const request = JSON.stringify({ marking, precedence: draft.precedence, bundle });
        const preview = await post<Preview>('/api/v1/items?dry_run=true', request);
        if (!stop.signal.aborted) setState({ ready: { request, preview }, failed: '', asking: false });
      })().catch((error: unknown) => !stop.signal.aborted && setState({ ready: null, failed: words(error), asking: false }));
    }, PREVIEW_AFTER_MS);
    return () => {
      stop.abort();
      clearTimeout(timer);
    };
  }, [draft, community]);
  return state;
}

export function Write() {
  const t = useT();
  const { all, draft, savedAt, edit, open, forget } = useDrafts();
  const state = usePreview(draft);
  const [asked, setAsked] = useState(false);
  const [sending, setSending] = useState(false);
  const now = useStore(session);

  const release = async () => {
    if (!draft || !state.ready) return;
    setSending(true);
    try {
      const sent = await post<{ id: string; recipients: string[] }>('/api/v1/items', state.ready.request, { 'idempotency-key': draft.releaseKey });
      setAsked(false);
      await forget(draft.id);
      await refresh();
      say(t('Released to {who}', { who: sent.recipients.join(', ') }));
      go('/watch', { item: sent.id });
    } catch (error) {
      // The draft stays, and so does its key: pressing again can't send it twice.
      say(error instanceof Problem && error.status === 401 ? t('Log in again, then release: the draft is kept') : words(error), 'bad');
    } finally {
      setSending(false);
    }
  };
  const review = () => state.ready && setAsked(true);
  useKeys([{ key: 'ctrl+Enter', label: t('Review and release'), run: review }]);
  if (!draft) return <div className="loading" aria-busy="true" />;
  const lacks = missing(draft);
  return (
    <div className="write">
      <aside className="drafts" aria-label={t('Drafts')}>
        <header><h2>{t('Drafts')}</h2><button onClick={() => open(blank({}))}><FilePlus2 size={14} aria-hidden /> {t('New')}</button></header>
        <p className="hint" role="status">{savedAt ? t('Kept in this browser at {time}', { time: clock(new Date(savedAt)) }) : t('Every change is kept in this browser at once.')}</p>
        <ul>
          {all.map((one) => (
            <li key={one.id} className={one.id === draft.id ? 'on' : ''}>
              <button className="quiet" onClick={() => open(one)} aria-current={one.id === draft.id}><b>{one.title || t('Untitled')}</b><small>{one.kind} · {clock(new Date(one.changed))}</small></button>
              <button className="icon" aria-label={`${t('Delete the draft')} ${one.title}`} title={t('Delete the draft')} onClick={() => { void forget(one.id); say(t('Draft deleted'), 'ok', () => { void save(one).then(() => open(one)); }); }}><Trash2 size={14} aria-hidden /></button>
            </li>
          ))}
        </ul>
      </aside>
      <Form draft={draft} edit={edit} />
      <aside className="preview" aria-label={t('Preview')}>
        <div className="scroll">
          <Reading draft={draft} lacks={lacks} state={state} />
        </div>
        <footer>
          <button className="primary" disabled={!state.ready} onClick={review}><Send size={15} aria-hidden /> {t('Review and release')} <Key>Ctrl</Key><Key>Enter</Key></button>
        </footer>
      </aside>
      {asked && state.ready && <Confirm draft={draft} preview={state.ready.preview} busy={sending} onClose={() => setAsked(false)} onRelease={() => void release()} who={now.status === 'in' ? now.who.name : ''} />}
    </div>
  );
}

function Form({ draft, edit }: { draft: Draft; edit(part: Partial<Draft>): void }) {
  const t = useT();
  const community = useCommunity();
  const at = parsePosition(draft.position);
  const observed = parseTime(draft.observed);
  const title = useRef<HTMLInputElement>(null);
  useEffect(() => title.current?.focus(), [draft.id]);
  const others = community?.members.filter((m) => m.id !== community.self) ?? [];
  const toggle = (listed: string[], value: string) => (listed.includes(value) ? listed.filter((one) => one !== value) : [...listed, value].sort());
  const select = (name: keyof Draft, values: [string, string][]) => (
    <select value={draft[name] as string} onChange={(e) => edit({ [name]: e.target.value } as Partial<Draft>)}>{values.map(([value, label]) => <option key={value} value={value}>{label}</option>)}</select>
  );
  return (
    <form className="form" aria-label={t('Report')} onSubmit={(e) => e.preventDefault()}>
      <Panel title={t('1 What')}>
        <div className="choice" role="radiogroup" aria-label={t('Kind')}>
          {KINDS.map((kind) => <label key={kind} className={draft.kind === kind ? 'on' : ''}><input type="radio" name="kind" checked={draft.kind === kind} onChange={() => edit({ kind })} /> {kind}</label>)}
        </div>
        <div className="choice" role="radiogroup" aria-label={t('Precedence')}>
          {PRECEDENCES.map((p) => <label key={p} className={`${draft.precedence === p ? 'on' : ''} ${p}`}><input type="radio" name="precedence" checked={draft.precedence === p} onChange={() => edit({ precedence: p })} /> {p}</label>)}
        </div>
        <Field label={t('Title')} wide><input ref={title} value={draft.title} maxLength={200} onChange={(e) => edit({ title: e.target.value })} /></Field>
        <div className="grid">
          {FIELDS[draft.kind].map((field) => (
            <Field key={field.name} label={t(field.label)}><input value={draft.fields[field.name] ?? ''} placeholder={t(field.hint)} onChange={(e) => edit({ fields: { ...draft.fields, [field.name]: e.target.value } })} /></Field>
          ))}
        </div>
        <Field label={draft.kind === 'NOTE' ? t('Text') : t('Report text')} wide><textarea rows={5} value={draft.text} onChange={(e) => edit({ text: e.target.value })} /></Field>
        {lint(`${draft.text} ${Object.values(draft.fields).join(' ')}`).map((hint) => <p key={hint} className="hint warn">{t(hint)}</p>)}
        {draft.kind === 'NOTE' && <Field label={t('About (STIX id)')} wide><input className="mono" value={draft.about} placeholder="report--…" onChange={(e) => edit({ about: e.target.value })} /></Field>}
      </Panel>
      <Panel title={t('2 When and where')}>
        <div className="grid">
          <Field label={t('Observed')} hint={observed ? observed.toISOString().slice(0, 16).replace('T', ' ') + ' UTC' : t('Not understood: a DTG or RFC 3339, with its zone')}><input className="mono" value={draft.observed} aria-invalid={!!draft.observed && !observed} placeholder="240740Z NOV 26" onChange={(e) => edit({ observed: e.target.value })} /></Field>
          <Field label={t('Position')} hint={at ? dms(at.lat, at.lon) : draft.position ? t('Not understood: try 1.09N 103.93E or 0105.4N 10355.8E') : t('Decimal, degrees-minutes-seconds or DDMM.m')}>
            <input className="mono" value={draft.position} aria-invalid={!!draft.position && !at} placeholder={'1°05′24″N 103°55′48″E'} onChange={(e) => edit({ position: e.target.value })} />
          </Field>
          <Field label={t('Place')}><input value={draft.place} placeholder={t('Name of the place')} onChange={(e) => edit({ place: e.target.value })} /></Field>
          <Field label={t('Topic')}>{select('topic', [['', '—'], ...TOPICS.map((x): [string, string] => [x, t(x)])])}</Field>
        </div>
      </Panel>
      <Panel title={t('3 How sure')}>
        <div className="grid three">
          <Field label={t('Source (A–F)')}>{select('reliability', [['', '—'], ...Object.entries(RELIABILITY).map(([k, v]): [string, string] => [k, `${k} · ${t(v)}`])])}</Field>
          <Field label={t('Information (1–6)')}>{select('credibility', [['', '—'], ...Object.entries(CREDIBILITY).map(([k, v]): [string, string] => [k, `${k} · ${t(v)}`])])}</Field>
          <Field label={t('Likelihood')}>{select('likelihood', [['', '—'], ...LIKELIHOOD.map((l): [string, string] => [l.id, `${t(l.name)} (${l.from}–${l.to} %)`])])}</Field>
        </div>
      </Panel>
      <Panel title={t('4 Who may read it, and how it may be used')}>
        <div className="grid three">
          <Field label={t('Classification')}>{select('classification', [['', t('Choose…')], ...CLASSIFICATIONS.map((c): [string, string] => [c, c])])}</Field>
          <Field label="TLP 2.0">{select('tlp', TLPS.map((c): [string, string] => [c, c]))}</Field>
          <Field label={t('Purpose')}><input value={draft.purpose} maxLength={200} onChange={(e) => edit({ purpose: e.target.value })} /></Field>
        </div>
        <fieldset>
          <legend>{t('Releasable to: each member is named, nobody is chosen for you')}</legend>
          <div className="members">
            {others.map((m) => <label key={m.id} className={draft.relTo.includes(m.id) ? 'on' : ''}><input type="checkbox" checked={draft.relTo.includes(m.id)} onChange={() => edit({ relTo: toggle(draft.relTo, m.id) })} /><b className="mono">{m.id}</b> {m.name}</label>)}
          </div>
        </fieldset>
        <fieldset>
          <legend>{t('Handling')}</legend>
          <div className="members">
            {HANDLING.map((h) => <label key={h} className={draft.handling.includes(h) ? 'on' : ''}><input type="checkbox" checked={draft.handling.includes(h)} onChange={() => edit({ handling: toggle(draft.handling, h) })} /><b className="mono">{h}</b></label>)}
          </div>
        </fieldset>
      </Panel>
    </form>
  );
}

function Reading({ draft, lacks, state }: { draft: Draft; lacks: string[]; state: ReturnType<typeof usePreview> }) {
  const t = useT();
  const name = useMemberName();
  const preview = state.ready?.preview;
  const bad = useMemo(() => preview?.report?.refused ?? [], [preview]);
  return (
    <>
      <h2>{t('Who will read it')}</h2>
      {lacks.length > 0 && <div className="notice"><p>{t('Still missing:')}</p><ul>{lacks.map((one) => <li key={one}>{t(one)}</li>)}</ul></div>}
      {state.failed && <p className="notice bad" role="alert">{state.failed}</p>}
      {state.asking && <p className="hint">{t('Asking the node…')}</p>}
      {preview && (
        <div className="who" data-testid="who">
          {preview.recipients.length === 0 ? <p className="notice bad">{t('Nobody. It can not be released like this.')}</p> : (
            <ul>{preview.recipients.map((id) => <li key={id}><b className="mono">{id}</b> {name(id)}</li>)}</ul>
          )}
          <details>
            <summary>{t('Who will not, and why')}</summary>
            <ul className="not">{preview.refusals.map((r, i) => <li key={i}><b className="mono">{r.member ?? '—'}</b> {r.reason}</li>)}</ul>
          </details>
          <p className="banner mono">{preview.banner}</p>
          <p className="hint">{t('The same rule that seals it answered this, over exactly these {n}.', { n: bytes(preview.body_bytes) })}</p>
          {bad.map((one, i) => <p key={i} className="notice bad">{one.pointer}: {one.reason}</p>)}
        </div>
      )}
      <h2>{t('As they see it')}</h2>
      <article>
        <p><Word of={draft.precedence} /> <span className="kind">{draft.kind}</span></p>
        <h3>{draft.title || t('Untitled')}</h3>
        {(draft.reliability || draft.credibility) && <p className="mono">{draft.reliability}{draft.credibility}</p>}
        <p className="body">{fullText(draft)}</p>
      </article>
    </>
  );
}

function Confirm({ draft, preview, busy, onClose, onRelease, who }: { draft: Draft; preview: Preview; busy: boolean; onClose(): void; onRelease(): void; who: string }) {
  const t = useT();
  const name = useMemberName();
  const dialog = useRef<HTMLDialogElement>(null);
  const act = useRef<HTMLButtonElement>(null);
  useEffect(() => {
    dialog.current?.showModal(); // it gives the focus to its first button
    act.current?.focus();
  }, []);
  const ready = preview.recipients.length > 0 && (preview.report?.refused.length ?? 0) === 0;
  return (
    <dialog ref={dialog} className="confirm" onClose={onClose} aria-labelledby="confirm-title">
      <h2 id="confirm-title">{t('Release to {n} members', { n: preview.recipients.length })}</h2>
      <p className="banner mono">{preview.banner}</p>
      <ul>{preview.recipients.map((id) => <li key={id}><b className="mono">{id}</b> {name(id)}</li>)}</ul>
      <p><Word of={draft.precedence} /> {draft.title}</p>
      <p className="hint">{t('Signed and sealed by this node, logged under “{who}”. It can later be corrected, narrowed or recalled; what was read can not be unread.', { who })}</p>
      <div className="actions">
        <button onClick={() => dialog.current?.close()}>{t('Back')} <Key>Esc</Key></button>
        <button className={draft.precedence === 'FLASH' ? 'danger' : 'primary'} ref={act} disabled={busy || !ready} onClick={onRelease}><Send size={15} aria-hidden /> {t('Release')} <Key>Enter</Key></button>
      </div>
    </dialog>
  );
}
