import { useEffect, useRef } from 'react';
import { useT } from '../lib/i18n';
import { allKeys, type Binding } from '../lib/keys';
import { letters } from '../lib/settings';
import { useStore } from '../lib/store';
import { Key } from './bits';

export function Help({ onClose }: { bindings: Binding[]; onClose(): void }) {
  const t = useT();
  const dialog = useRef<HTMLDialogElement>(null);
  const on = useStore(letters);
  useEffect(() => dialog.current?.showModal(), []);
  const seen = new Set<string>();
  const all = allKeys().filter((b) => !seen.has(b.key) && seen.add(b.key));
  return (
    <dialog ref={dialog} className="help" onClose={onClose} aria-label={t('All keys')} onClick={(e) => e.target === dialog.current && onClose()}>
      <header>
        <h2>{t('All keys')}</h2>
        <button onClick={onClose}>{t('Close')} <Key>Esc</Key></button>
      </header>
      <dl>
        {all.map((binding) => (
          <div key={binding.key}>
            <dt>{binding.key.split(/[ +]/).map((k, i) => <Key key={i}>{k.length === 1 ? k.toUpperCase() : k[0]?.toUpperCase() + k.slice(1)}</Key>)}</dt>
            <dd>{binding.label}</dd>
          </div>
        ))}
      </dl>
      <label><input type="checkbox" checked={on} onChange={(e) => letters.set(e.target.checked)} /> {t('Single-letter keys')}</label>
    </dialog>
  );
}
