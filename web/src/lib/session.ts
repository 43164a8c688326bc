// Who is logged in. The cookie is HttpOnly: the page learns of it only by asking the node.
import type { Community, Scope, Session } from './types';
import { store } from './store';

export type State =
  | { status: 'asking' }
  | { status: 'out'; ended: boolean }
  | { status: 'in'; who: Session; community: Community };

export const session = store<State>({ status: 'asking' });

// Screens stay as they are behind the log-in, so that nothing that was typed is lost.
export function signedOut(): void {
  session.set((now) => (now.status === 'out' ? now : { status: 'out', ended: now.status === 'in' }));
}

export function may(scope: Scope): boolean {
  const now = session.get();
  if (now.status !== 'in') return false;
  return now.who.scopes.includes(scope) || (scope === 'audit' && now.who.scopes.includes('admin'));
}
