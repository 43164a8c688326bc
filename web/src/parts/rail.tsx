import { ClipboardList, FileClock, Globe, Network, Radio, Scale, Search, Settings, Share2, type LucideIcon } from 'lucide-react';
import { decisionsThere } from '../app';
import { acknowledged, feed, toAcknowledge } from '../lib/feed';
import { useT } from '../lib/i18n';
import { address, go, useUrl } from '../lib/router';
import { may, session } from '../lib/session';
import { links } from '../lib/status';
import { useStore } from '../lib/store';
import type { Scope } from '../lib/types';

export const SCREENS: { path: string; name: string; letter: string; icon: LucideIcon; scope?: Scope; low?: boolean }[] = [
  { path: '/watch', name: 'Watch', letter: 'w', icon: Radio },
  { path: '/write', name: 'Write', letter: 'e', icon: ClipboardList, scope: 'share' },
  { path: '/search', name: 'Search', letter: 's', icon: Search },
  { path: '/graph', name: 'Graph', letter: 'g', icon: Share2 },
  { path: '/decisions', name: 'Decisions', letter: 'v', icon: Scale },
  { path: '/links', name: 'Federation', letter: 'f', icon: Network, scope: 'audit' },
  { path: '/log', name: 'Log', letter: 'u', icon: FileClock, scope: 'audit' },
  { path: '/admin', name: 'Admin', letter: 'a', icon: Settings, low: true },
];

export function Rail() {
  const t = useT();
  const url = useUrl();
  const now = useStore(session);
  const { items } = useStore(feed);
  const acks = useStore(acknowledged);
  const all = useStore(links);
  const decisions = useStore(decisionsThere);
  const self = now.status === 'in' ? now.community.self : '';
  const waiting = toAcknowledge(items.slice(0, 2000), acks, self).length;
  const down = all?.filter((l) => l.state !== 'linked').length ?? 0;
  const number: Record<string, number> = { '/watch': waiting, '/links': down };
  const shown = SCREENS.filter((s) => (!s.scope || may(s.scope)) && (s.path !== '/decisions' || decisions));
  return (
    <nav className="rail" aria-label={t('Screens')}>
      <span className="logo" aria-hidden><Globe size={24} strokeWidth={1.8} /></span>
      {shown.map(({ path, name, icon: Icon, low, letter }) => (
        <a
          key={path}
          href={address(path)}
          className={`${low ? 'low' : ''} ${url.path === path ? 'on' : ''}`}
          aria-current={url.path === path ? 'page' : undefined}
          title={`${t(name)} (G ${letter.toUpperCase()})`}
          onClick={(event) => {
            if (event.ctrlKey || event.metaKey || event.shiftKey) return;
            event.preventDefault();
            go(path);
          }}
        >
          <Icon size={19} strokeWidth={1.8} aria-hidden />
          <span>{t(name)}</span>
          {!!number[path] && <em aria-label={path === '/watch' ? t('{n} to acknowledge', { n: number[path] ?? 0 }) : t('{n} not linked', { n: number[path] ?? 0 })}>{number[path]! > 99 ? '99+' : number[path]}</em>}
        </a>
      ))}
    </nav>
  );
}
