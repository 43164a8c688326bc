import { lastEventAt, live } from '../lib/feed';
import { LANGUAGES, useReview, useT } from '../lib/i18n';
import { language } from '../lib/settings';
import { cosigners, links, log, readCheckpoint } from '../lib/status';
import { useStore } from '../lib/store';
import { count } from '../lib/format';
import { Key } from './bits';
import { useCommunity } from './bits';

export function StatusBar({ onHelp }: { onHelp(): void }) {
  const t = useT();
  const state = useStore(live);
  const known = useStore(log);
  const all = useStore(links);
  const community = useCommunity();
  const chosen = useStore(language);
  const review = useReview();
  useStore(lastEventAt);
  const checkpoint = known ? readCheckpoint(known.checkpoint) : null;
  const waiting = all?.reduce((sum, link) => sum + link.waiting, 0) ?? 0;
  return (
    <footer className="statusbar">
      {state === 'stale' && <span className="bad" role="alert">● {t('The node does not answer: what is shown may be old')}</span>}
      {checkpoint && community && (
        <span className={cosigners(checkpoint).length > 0 ? 'ok' : ''}>
          ● {t('Log checkpoint {size}, cosigned by {n} of {all}', { size: count(checkpoint.size), n: cosigners(checkpoint).length, all: community.members.length - 1 })}
        </span>
      )}
      {all && <span>{t('Outbox')} <b className="mono">{count(waiting)}</b></span>}
      <span className="grow" />
      {review === 'for review' && chosen !== 'en' && <span className="bad">{LANGUAGES[chosen]}: {t('machine draft, for review')}</span>}
      <span className="keys">
        <Key>J</Key><Key>K</Key> {t('move')}
        <Key>A</Key> {t('acknowledge')}
        <Key>N</Key> {t('next')}
        <Key>T</Key> {t('Z/local')}
        <Key>D</Key> {t('theme')}
      </span>
      <button onClick={onHelp}><Key>?</Key> {t('All keys')}</button>
    </footer>
  );
}
