// Everything that can be done, by typing a few letters of it. Items of the feed are found as well.
import { useEffect, useMemo, useRef, useState } from 'react';
import { feed } from '../lib/feed';
import { shortId } from '../lib/format';
import { useT } from '../lib/i18n';
import { go } from '../lib/router';
import { useStore } from '../lib/store';
import { plain } from '../screens/watch';
import { Badge, Key } from './bits';
import type { Precedence } from '../lib/types';

export interface Command {
  group: string;
  label: string;
  keys?: string;
  precedence?: Precedence;
  run(): void;
}
const SHOWN_MAX = 40;

function matches(text: string, words: string[]): boolean {
  const low = text.toLowerCase();
  return words.every((word) => low.includes(word));
}

export function Palette({ commands, onClose }: { commands: Command[]; onClose(): void }) {
  const t = useT();
  const dialog = useRef<HTMLDialogElement>(null);
  const [text, setText] = useState('');
  const [at, setAt] = useState(0);
  const { items } = useStore(feed);
  useEffect(() => dialog.current?.showModal(), []);
  const found = useMemo(() => {
    const words = text.toLowerCase().split(/\s+/).filter(Boolean);
    const out: Command[] = commands.filter((c) => matches(`${c.group} ${c.label}`, words));
    if (words.length > 0) {
      out.push({ group: t('Search'), label: t('Search holdings for “{text}”', { text: text.trim() }), run: () => go('/search', { q: text.trim() }) });
      for (const item of items) {
        if (out.length >= SHOWN_MAX) break;
        if (matches(`${item.title} ${shortId(item)} ${item.originator}`, words)) out.push({ group: t('Items'), label: plain(item.title), precedence: item.precedence, run: () => go('/watch', { item: item.id }) });
      }
    }
    return out.slice(0, SHOWN_MAX);
  }, [text, commands, items, t]);
  const chosen = Math.min(at, found.length - 1);
  const run = (command: Command | undefined) => {
    if (!command) return;
    onClose();
    command.run();
  };
  return (
    <dialog ref={dialog} className="palette" onClose={onClose} aria-label={t('Command palette')} onClick={(e) => e.target === dialog.current && onClose()}>
      <input
        autoFocus
        role="combobox"
        aria-expanded="true"
        aria-controls="palette-list"
        aria-activedescendant={found.length ? `command-${chosen}` : undefined}
        aria-label={t('Search or type a command')}
        placeholder={t('Search or type a command')}
        value={text}
        onChange={(event) => {
          setText(event.target.value);
          setAt(0);
        }}
        onKeyDown={(event) => {
          const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
          if (step) {
            event.preventDefault();
            setAt((chosen + step + found.length) % Math.max(1, found.length));
            document.getElementById(`command-${(chosen + step + found.length) % Math.max(1, found.length)}`)?.scrollIntoView({ block: 'nearest' });
          } else if (event.key === 'Enter') {
            event.preventDefault();
            run(found[chosen]);
          }
        }}
      />
      <div id="palette-list" role="listbox" aria-label={t('Commands')}>
        {found.map((command, i) => (
          <div key={`${command.group}${command.label}${i}`} id={`command-${i}`} role="option" aria-selected={i === chosen} onClick={() => run(command)} onMouseMove={() => setAt(i)}>
            <small>{i === 0 || found[i - 1]?.group !== command.group ? command.group : ''}</small>
            {command.precedence && <Badge of={command.precedence} />}
            <span>{command.label}</span>
            {command.keys && <span className="keys">{command.keys.split(' ').map((k) => <Key key={k}>{k.toUpperCase()}</Key>)}</span>}
          </div>
        ))}
        {found.length === 0 && <p>{t('Nothing of that name')}</p>}
      </div>
    </dialog>
  );
}
