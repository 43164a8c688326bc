import { Bell, BellOff, LogOut, Search } from 'lucide-react';
import { useEffect, useState } from 'react';
import { leave } from '../lib/enter';
import { age, parts } from '../lib/format';
import { useT } from '../lib/i18n';
import { go } from '../lib/router';
import { session } from '../lib/session';
import { sound, zone } from '../lib/settings';
import { audible } from '../lib/sound';
import { links } from '../lib/status';
import { useStore } from '../lib/store';
import { Key } from './bits';

function Clock() {
  const t = useT();
  const [now, tick] = useState(() => new Date());
  useEffect(() => {
    const timer = setInterval(() => tick(new Date()), 1000);
    return () => clearInterval(timer);
  }, []);
  const first = useStore(zone) === 'local';
  const show = (local: boolean, big: boolean) => {
    const p = parts(now, local);
    const two = (n: number) => String(n).padStart(2, '0');
    return (
      <span className={big ? 'big' : 'small'}>
        {two(p.hour)}:{two(p.minute)}
        {big && <i>:{two(p.second)}</i>} <i>{p.suffix}</i>
      </span>
    );
  };
  const same = parts(now, true).suffix === 'Z';
  return (
    <button className="clock mono" onClick={() => zone.set((v) => (v === 'Z' ? 'local' : 'Z'))} title={t('Z or local time (T)')}>
      {show(first, true)}
      {!same && show(!first, false)}
    </button>
  );
}

function Peers() {
  const t = useT();
  const all = useStore(links);
  if (!all) return null;
  return (
    <button className="peers" onClick={() => go('/links')}>
      <i className="sr">{t('Links: {up} of {all} up', { up: all.filter((l) => l.state === 'linked').length, all: all.length })}</i>
      {all.map((link) => {
        const late = link.state === 'linked' ? '' : link.last_contact ? age(link.last_contact) : '—';
        return (
          <span key={link.peer} className={`${link.state} ${link.waiting > 0 ? 'waits' : ''}`} title={`${link.peer}: ${t(link.state)}${link.waiting ? ` · ${link.waiting} ${t('waiting')}` : ''}`}>
            {link.peer}
            {late && <small>{late}</small>}
          </span>
        );
      })}
    </button>
  );
}

export function TopBar({ title, onPalette }: { title: string; onPalette(): void }) {
  const t = useT();
  const now = useStore(session);
  const loud = useStore(sound);
  const heard = useStore(audible);
  if (now.status !== 'in') return <header className="topbar" />;
  const { who, community } = now;
  const name = community.members.find((m) => m.id === community.self)?.name ?? community.self;
  const initials = who.name.split(/\s+/).map((w) => w[0]).join('').slice(0, 2).toUpperCase();
  return (
    <header className="topbar">
      <div className="where">
        <h1>{title}</h1>
        <span>{t('Node')} {community.self} · {name}</span>
      </div>
      <button className="palette-open" onClick={onPalette}>
        <Search size={15} aria-hidden />
        <span>{t('Search or type a command')}</span>
        <Key>Ctrl</Key>
        <Key>K</Key>
      </button>
      <span className="grow" />
      <Peers />
      <Clock />
      <button
        className={`icon ${loud && !heard ? 'warn' : ''}`}
        onClick={() => sound.set((v) => !v)}
        aria-pressed={loud}
        aria-label={t('Alarm sound')}
        title={!loud ? t('Alarm sound is off') : heard ? t('Alarm sound is on') : t('The browser allows sound after a first key or click')}
      >
        {loud ? <Bell size={17} aria-hidden /> : <BellOff size={17} aria-hidden />}
      </button>
      <div className="person">
        <span className="avatar" aria-hidden>{initials}</span>
        <div>
          <b>{who.name}</b>
          <span>{t('cleared to')} {who.clearance}</span>
        </div>
        <button className="icon" onClick={() => void leave()} aria-label={t('Log out')} title={t('Log out')}><LogOut size={16} aria-hidden /></button>
      </div>
    </header>
  );
}
