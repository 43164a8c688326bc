// Small parts that all screens share.
import type { ReactNode } from 'react';
import { useT } from '../lib/i18n';
import { session } from '../lib/session';
import { useStore } from '../lib/store';
import { say } from '../lib/toast';
import { LETTER, type Precedence } from '../lib/types';

export function Badge({ of }: { of: Precedence }) {
  return <span className={`badge ${of}`} title={of}><span aria-hidden>{LETTER[of]}</span><span className="sr">{of}</span></span>;
}
export function Word({ of }: { of: Precedence }) {
  return <span className={`word ${of}`}>{of}</span>;
}
export function Key({ children }: { children: ReactNode }) {
  return <kbd>{children}</kbd>;
}
export function Field({ label, children, hint, wide }: { label: string; children: ReactNode; hint?: string; wide?: boolean }) {
  return (
    <label className={wide ? 'field wide' : 'field'}>
      <span>{label}</span>
      {children}
      {hint && <small>{hint}</small>}
    </label>
  );
}
export function Panel({ title, children, action }: { title: string; children: ReactNode; action?: ReactNode }) {
  return (
    <section className="panel">
      <header>
        <h2>{title}</h2>
        {action}
      </header>
      {children}
    </section>
  );
}
export function Empty({ title, children }: { title: string; children?: ReactNode }) {
  return (
    <div className="empty">
      <p>{title}</p>
      {children && <small>{children}</small>}
    </div>
  );
}
export function useCommunity() {
  const now = useStore(session);
  return now.status === 'in' ? now.community : null;
}
export function useMemberName(): (id: string) => string {
  const community = useCommunity();
  return (id) => community?.members.find((m) => m.id === id)?.name ?? id;
}
export function useCopy(): (text: string, what: string) => void {
  const t = useT();
  return (text, what) => {
    void navigator.clipboard.writeText(text).then(
      () => say(t('{what} copied', { what })),
      () => say(t('The browser did not allow copying'), 'bad'),
    );
  };
}
export function saveFile(name: string, text: string | Blob): void {
  const url = URL.createObjectURL(typeof text === 'string' ? new Blob([text], { type: 'text/plain' }) : text);
  const link = document.createElement('a');
  link.href = url;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}
