// The node's transparency log, as far as the API gives it: the signed checkpoint, what is in the log, the
// proof of one entry, and a check of that proof by this page itself.
import { useMemo, useState } from 'react';
import { getText, request, words } from '../lib/api';
import { feed, loadOlder } from '../lib/feed';
import { count, shortId, useTimes } from '../lib/format';
import { useT } from '../lib/i18n';
import { checkProof, type Checked } from '../lib/proof';
import { change, go, useUrl } from '../lib/router';
import { cosigners, log, readCheckpoint } from '../lib/status';
import { useStore } from '../lib/store';
import { Badge, Empty, Panel, saveFile, useCommunity, useCopy, useMemberName } from '../parts/bits';
import { Rows } from '../parts/rows';
import { plain } from './watch';

export function Log() {
  const t = useT();
  const times = useTimes();
  const known = useStore(log);
  const { items, next } = useStore(feed);
  const { query } = useUrl();
  const copy = useCopy();
  const community = useCommunity();
  const name = useMemberName();
  const rows = useMemo(() => [...items].sort((a, b) => (b.seq ?? 0) - (a.seq ?? 0)), [items]);
  const chosen = rows.find((one) => one.id === query['item']) ?? null;
  const checkpoint = known ? readCheckpoint(known.checkpoint) : null;
  const witnesses = checkpoint ? cosigners(checkpoint) : [];
  return (
    <div className="page wide">
      <div className="split">
        <Panel title={t('Entries')} action={<span className="mono">{count(known?.size ?? 0)} {t('in the log')}</span>}>
          <div className="log-rows">
            <Rows
              rows={rows}
              height={44}
              label={t('Log entries that you may read, newest first')}
              keyOf={(one) => one.id}
              selected={chosen?.id ?? null}
              onSelect={(one) => change({ item: one.id })}
              onOpen={(one) => go('/watch', { item: one.id })}
              onEnd={() => void loadOlder()}
              draw={(one) => <div className="entry"><b className="mono">{one.seq ?? '—'}</b><Badge of={one.precedence} /><span className="mono">{shortId(one)}</span><span className="title">{plain(one.title)}</span><span className="mono when">{times.dtg(one.received)}</span></div>}
            />
          </div>
          <p className="hint">{t('Shown are the entries whose contents you may read; others exist and are covered by the same checkpoint. A reading audit (who opened what) is not there yet.')}{next ? ` ${t('Older ones come as you scroll.')}` : ''}</p>
        </Panel>
        <div className="stack">
          <Panel title={t('Checkpoint')} action={<button onClick={() => known && copy(known.checkpoint, t('Checkpoint'))}>{t('Copy')}</button>}>
            {!checkpoint ? <Empty title={t('No checkpoint was signed yet.')} /> : (
              <>
                <dl className="pairs">
                  <div><dt>{t('Log')}</dt><dd className="mono">{checkpoint.origin}</dd></div>
                  <div><dt>{t('Covers')}</dt><dd><span className="mono">{count(checkpoint.size)}</span> {t('of')} <span className="mono">{count(known?.size ?? 0)}</span></dd></div>
                  <div><dt>{t('Root')}</dt><dd className="mono wrap">{checkpoint.root}</dd></div>
                </dl>
                <h3>{t('Cosigned by')} <span className="mono">{witnesses.length}</span> {t('of')} <span className="mono">{(community?.members.length ?? 1) - 1}</span></h3>
                <ul className="chips">{community?.members.filter((m) => m.id !== community.self).map((m) => <li key={m.id} className={witnesses.includes(m.id) ? 'in' : ''} title={name(m.id)}>{m.id}<span className="sr">{witnesses.includes(m.id) ? t('has cosigned') : t('not yet')}</span></li>)}</ul>
                <p className="hint">{t('Each cosignature says: this log has only grown since I last looked. Two histories of one log would need their signatures as well.')}</p>
              </>
            )}
          </Panel>
          <Proof id={chosen?.id ?? ''} label={chosen ? `${shortId(chosen)} · ${plain(chosen.title)}` : ''} />
        </div>
      </div>
    </div>
  );
}

function Proof({ id, label }: { id: string; label: string }) {
  const t = useT();
  const [typed, setTyped] = useState('');
  const [state, setState] = useState<{ id: string; proof: string; checked: Checked | null; failed: string } | null>(null);
  const wanted = typed.trim() || id;
  const run = async () => {
    try {
      const [proof, envelope] = await Promise.all([getText(`/api/v1/log/proofs/${wanted}`), request(`/api/v1/items/${wanted}/envelope`).then((r) => r.arrayBuffer())]);
      setState({ id: wanted, proof, checked: await checkProof(proof, new Uint8Array(envelope)), failed: '' });
    } catch (error) {
      setState({ id: wanted, proof: '', checked: null, failed: words(error) });
    }
  };
  const shown = state?.id === wanted ? state : null;
  return (
    <Panel title={t('Proof of one item')}>
      <p className="hint">{label || t('Choose an entry, or give the id of an item.')}</p>
      <div className="row-of"><input aria-label={t('Id of an item')} className="mono" value={typed} onChange={(e) => setTyped(e.target.value)} placeholder={id || 'xxxxxxxx-xxxx-…'} /><button className="primary" disabled={!wanted} onClick={() => void run()}>{t('Fetch and check')}</button></div>
      {shown?.failed && <p className="bad" role="alert">{shown.failed}</p>}
      {shown?.checked && (
        <div className="checked" role="status">
          <p className={shown.checked.ok ? 'ok' : 'bad'}>{shown.checked.ok ? '✓' : '✗'} {t(shown.checked.text, shown.checked.values)}</p>
          <p className="hint">{t('This page has computed the path from the envelope to the root. The signatures on the root are verified without any node by: amic log verify.')}</p>
          <div className="row-of"><button onClick={() => saveFile(`${wanted.slice(0, 8)}.proof`, shown.proof)}>{t('Save the proof')}</button><button onClick={() => void request(`/api/v1/items/${wanted}/envelope`).then((r) => r.blob()).then((blob) => saveFile(`${wanted.slice(0, 8)}.envelope`, blob))}>{t('Save the envelope')}</button></div>
          <pre className="mono" tabIndex={0}>{shown.proof}</pre>
        </div>
      )}
    </Panel>
  );
}
