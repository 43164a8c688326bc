// What stands in the bars around every screen: links and the log. Asked every few seconds, and only of
// a session that may know.
import { get } from './api';
import { may, session } from './session';
import { store } from './store';
import type { Link } from './types';

export const links = store<Link[] | null>(null);
export interface LogState {
  size: number;
  checkpoint: string;
}
export const log = store<LogState | null>(null);

async function ask(): Promise<void> {
  if (session.get().status !== 'in' || !may('audit') || document.hidden) return;
  try {
    const [a, b] = await Promise.all([get<{ links: Link[] }>('/api/v1/links'), get<LogState>('/api/v1/log')]);
    links.set(a.links);
    log.set(b);
  } catch {
    // the stream's state says that the node is away
  }
}
session.watch(() => void ask());
setInterval(() => void ask(), 5000);
document.addEventListener('visibilitychange', () => void ask());

export interface Checkpoint {
  origin: string;
  size: number;
  root: string;
  signatures: { name: string; key: string }[];
}
export function readCheckpoint(note: string): Checkpoint | null {
  const [body = '', signed = ''] = note.split('\n\n');
  const [origin = '', size = '', root = ''] = body.split('\n');
  if (!origin || !/^\d+$/.test(size)) return null;
  const signatures = signed
    .split('\n')
    .map((line) => /^— (\S+) (\S+)$/.exec(line))
    .filter((match): match is RegExpExecArray => match !== null)
    .map((match) => ({ name: match[1] ?? '', key: (match[2] ?? '').slice(0, 8) }));
  return { origin, size: Number(size), root, signatures };
}
export function cosigners(checkpoint: Checkpoint): string[] {
  return checkpoint.signatures.filter((s) => s.name.endsWith('/witness')).map((s) => (s.name.split('.')[0] ?? '').toUpperCase());
}
