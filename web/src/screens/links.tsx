// Federation: each link in plain words, what waits, what was refused, who has cosigned the log.
import { useEffect } from 'react';
import { age, bytes, count, useTimes } from '../lib/format';
import { useT } from '../lib/i18n';
import { change, useUrl } from '../lib/router';
import { links, log, readCheckpoint } from '../lib/status';
import { useStore } from '../lib/store';
import { PRECEDENCES, type Link } from '../lib/types';
import { Badge, Empty, Panel, useCommunity, useMemberName } from '../parts/bits';

export function Links() {
  const t = useT();
  const times = useTimes();
  const name = useMemberName();
  const all = useStore(links);
  const known = useStore(log);
  const community = useCommunity();
  const { query } = useUrl();
  const checkpoint = known ? readCheckpoint(known.checkpoint) : null;
  const chosen = all?.find((l) => l.peer === query['peer']) ?? all?.[0];
  const chosenPeer = chosen?.peer;
  useEffect(() => {
    if (chosenPeer && !query['peer']) change({ peer: chosenPeer });
  }, [chosenPeer, query['peer']]);
  if (!all) return <div className="loading" aria-busy="true" />;
  if (all.length === 0) return <div className="page"><Empty title={t('This community has one member: there is nobody to link with.')} /></div>;
  const up = all.filter((l) => l.state === 'linked').length;
  const waiting = all.reduce((n, l) => n + l.waiting, 0);
  const refused = all.reduce((n, l) => n + l.refusals.length, 0);
  const cosigned = checkpoint ? all.filter((l) => l.cosigned_size >= checkpoint.size).length : 0;
  return (
    <div className="page wide">
      <div className="tiles">
        <Tile label={t('Links up')} value={`${up} / ${all.length}`} tone={up === all.length ? 'ok' : 'warn'} note={up === all.length ? t('all members answer') : t('the rest is tried again by itself')} />
        <Tile label={t('Waiting to be sent')} value={count(waiting)} tone={waiting === 0 ? 'ok' : 'warn'} note={bytes(all.reduce((n, l) => n + l.waiting_bytes, 0))} />
        <Tile label={t('Refused by others')} value={count(refused)} tone={refused === 0 ? 'ok' : 'warn'} note={t('each with its reason')} />
        <Tile label={t('Log cosigned')} value={checkpoint ? count(checkpoint.size) : '—'} tone={cosigned > 0 ? 'ok' : ''} note={t('{n} of {all} members have signed up to the checkpoint', { n: cosigned, all: all.length })} />
      </div>
      <div className="split">
        <Panel title={t('Links')}>
          <div className="table-holder" tabIndex={0} role="region" aria-label={t('Links')}>
          <table className="grid-table">
            <thead><tr><th>{t('Member')}</th><th>{t('State')}</th>{PRECEDENCES.map((p) => <th key={p} className="num" title={`${t('waiting')} ${p}`}><Badge of={p} /></th>)}<th className="num">{t('Sent')}</th><th className="num">{t('Received')}</th><th>{t('Current to')}</th><th className="num">{t('Cosigned')}</th></tr></thead>
            <tbody>
              {all.map((link) => (
                <tr key={link.peer} className={link.peer === chosenPeer ? 'on' : ''} onClick={() => change({ peer: link.peer })}>
                  <th scope="row"><button className="quiet" onClick={() => change({ peer: link.peer })}><b className="mono">{link.peer}</b> {name(link.peer)}</button></th>
                  <td><State link={link} /></td>
                  {PRECEDENCES.map((p) => { const lane = link.lanes.find((l) => l.precedence === p); const n = lane ? lane.queued - lane.acknowledged : 0; return <td key={p} className={`num mono ${n > 0 ? 'warn' : 'zero'}`}>{n}</td>; })}
                  <td className="num mono">{count(link.sent)}</td>
                  <td className="num mono">{count(link.received)}</td>
                  <td className="mono">{link.current_to ? times.dtg(link.current_to) : '—'}</td>
                  <td className="num mono">{count(link.cosigned_size)}</td>
                </tr>
              ))}
            </tbody>
          </table>
          </div>
          <p className="hint">{t('The four columns under the letters count what waits in each lane. FLASH passes inside a running transfer.')}</p>
        </Panel>
        {chosen && <Peer link={chosen} size={checkpoint?.size ?? 0} chair={community?.chair === chosen.peer} />}
      </div>
    </div>
  );
}

export function Tile({ label, value, note, tone }: { label: string; value: string; note?: string; tone: '' | 'ok' | 'warn' | 'bad' }) {
  return <div className={`tile ${tone}`}><span>{label}</span><b className="mono">{value}</b><small>{note}</small></div>;
}

function State({ link }: { link: Link }) {
  const t = useT();
  return <span className={`state ${link.state}`}>{link.state === 'linked' ? '●' : link.state === 'reachable' ? '◐' : '○'} {t(link.state)}</span>;
}

function Peer({ link, size, chair }: { link: Link; size: number; chair: boolean }) {
  const t = useT();
  const times = useTimes();
  const name = useMemberName();
  return (
    <Panel title={`${link.peer} · ${name(link.peer)}`}>
      <dl className="pairs">
        <div><dt>{t('State')}</dt><dd><State link={link} />{chair ? ` · ${t('in the chair: orders the agenda, nothing else')}` : ''}</dd></div>
        <div><dt>{t('Address')}</dt><dd className="mono">{link.address}</dd></div>
        <div><dt>{t('Last contact')}</dt><dd>{link.last_contact ? <><span className="mono">{times.dtg(link.last_contact)}</span> ({t('{age} ago', { age: age(link.last_contact) })})</> : '—'}</dd></div>
        <div><dt>{t('Current to')}</dt><dd>{link.current_to ? <span className="mono">{times.dtg(link.current_to)}</span> : t('not known since the start')}{link.not_here_yet > 0 ? ` · ${t('{n} on their way', { n: link.not_here_yet })}` : ''}</dd></div>
        <div><dt>{t('Cosigned')}</dt><dd><span className="mono">{count(link.cosigned_size)}</span> {t('of')} <span className="mono">{count(size)}</span></dd></div>
        <div><dt>{t('Waiting')}</dt><dd><span className="mono">{count(link.waiting)}</span> · {bytes(link.waiting_bytes)}{link.oldest_waiting ? ` · ${t('oldest {age}', { age: age(link.oldest_waiting) })}` : ''}</dd></div>
        {link.last_error && <div><dt>{t('Reason')}</dt><dd className="bad">{link.last_error}</dd></div>}
        {link.next_try && <div><dt>{t('Next try')}</dt><dd className="mono">{times.dtg(link.next_try)}</dd></div>}
        {!!link.equivocations && <div><dt>{t('Evidence')}</dt><dd className="bad">{t('This member signed two different sequences. Ask by other means.')}</dd></div>}
      </dl>
      <h3>{t('Lanes')}</h3>
      <table className="grid-table">
        <thead><tr><th>{t('Lane')}</th><th className="num">{t('Queued')}</th><th className="num">{t('Signed for')}</th><th className="num">{t('Received')}</th></tr></thead>
        <tbody>{link.lanes.map((lane) => <tr key={lane.precedence}><th scope="row"><Badge of={lane.precedence} /> {lane.precedence}</th><td className="num mono">{count(lane.queued)}</td><td className="num mono">{count(lane.acknowledged)}</td><td className="num mono">{count(lane.received)}</td></tr>)}</tbody>
      </table>
      <h3>{t('Refusals')} <span className="mono">{link.refusals.length}</span></h3>
      {link.refusals.length === 0 ? <p className="hint">{t('It has refused nothing of ours.')}</p> : <ul className="relations">{link.refusals.slice(0, 50).map((r, i) => <li key={i}><span className="mono">{r.item.slice(0, 8)}</span> {r.code} · <span className="mono">{times.dtg(r.at)}</span></li>)}</ul>}
    </Panel>
  );
}
