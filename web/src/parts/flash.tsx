// A FLASH takes the top of every screen until a person acknowledges it on this one: not closed by
// anything else, there again after a reload, said by sound, title, band and a live region.
import { Check, ShieldAlert } from 'lucide-react';
import { useEffect, useMemo, useState } from 'react';
import { acknowledge, acknowledged, alarms, feed, undoAcknowledge } from '../lib/feed';
import { shortId, useTimes } from '../lib/format';
import { useT } from '../lib/i18n';
import { useKeys } from '../lib/keys';
import { go } from '../lib/router';
import { session } from '../lib/session';
import { sound } from '../lib/settings';
import { alarm } from '../lib/sound';
import { useStore } from '../lib/store';
import { say } from '../lib/toast';
import { Key, useMemberName } from './bits';

function since(when: string): string {
  const s = Math.max(0, Math.floor((Date.now() - new Date(when).getTime()) / 1000));
  const two = (n: number) => String(n).padStart(2, '0');
  return s < 3600 ? `${Math.floor(s / 60)}:${two(s % 60)}` : `${Math.floor(s / 3600)}:${two(Math.floor((s % 3600) / 60))} h`;
}

const AGAIN_MS = 30_000;

export function FlashBand() {
  const t = useT();
  const times = useTimes();
  const now = useStore(session);
  const { items } = useStore(feed);
  const acks = useStore(acknowledged);
  const loud = useStore(sound);
  const name = useMemberName();
  const [, tick] = useState(0);
  const self = now.status === 'in' ? now.community.self : '';
  const open = useMemo(() => alarms(items.slice(0, 5000), acks, self), [items, acks, self]);
  const first = open.at(-1); // the one that waits longest
  const firstId = first?.id;

  useEffect(() => {
    const timer = setInterval(() => tick((n) => n + 1), 1000);
    return () => clearInterval(timer);
  }, []);
  useEffect(() => {
    if (open.length === 0 || !loud) return;
    alarm();
    const timer = setInterval(alarm, AGAIN_MS);
    return () => clearInterval(timer);
  }, [open.length, loud]);
  useEffect(() => {
    if (!firstId) return;
    const plain = document.title;
    let on = false;
    const timer = setInterval(() => {
      on = !on;
      document.title = on ? `⚠ FLASH (${open.length})` : plain;
    }, 1000);
    return () => {
      clearInterval(timer);
      document.title = plain;
    };
  }, [firstId, open.length]);

  const accept = () => {
    if (!first) return;
    acknowledge(first.id);
    say(t('{id} acknowledged on this screen', { id: shortId(first) }), 'ok', () => undoAcknowledge(first.id));
  };
  useKeys(first ? [{ key: 'a', label: t('Acknowledge the FLASH'), run: accept }, { key: 'F8', label: t('The same, also while typing'), run: accept }] : []);
  if (!first) return null;
  return (
    <section className="flash" role="alert" aria-label={t('FLASH not acknowledged')}>
      <ShieldAlert size={20} aria-hidden />
      <span className="word FLASH">FLASH</span>
      <div>
        <b>{first.title}</b>
        <span>
          <span className="mono">{shortId(first)}</span> · {name(first.originator)} · <span className="mono">{times.dtg(first.created)}</span>
          {open.length > 1 && <> · {t('{n} more wait', { n: open.length - 1 })}</>}
        </span>
      </div>
      <span className="since mono" title={t('Waiting since it came')}>{since(first.received)}</span>
      <button onClick={() => go('/watch', { item: first.id })}>{t('Open')}</button>
      <button className="danger" onClick={accept}><Check size={15} aria-hidden /> {t('Acknowledge')} <Key>A</Key></button>
    </section>
  );
}
