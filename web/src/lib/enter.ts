// Logging in and out.
import { get, post, remove, request } from './api';
import { session, signedOut } from './session';
import type { Community, Session } from './types';

async function welcome(who: Session): Promise<void> {
  const community = await get<Community>('/api/v1/community');
  session.set({ status: 'in', who, community });
}

export async function resume(): Promise<void> {
  try {
    const response = await request('/api/v1/session');
    await welcome((await response.json()) as Session);
  } catch {
    signedOut();
  }
}

export async function enter(by: { token: string } | { code: string }): Promise<void> {
  await welcome(await post<Session>('/api/v1/session', by));
}

export async function leave(): Promise<void> {
  try {
    await remove('/api/v1/session');
  } finally {
    session.set({ status: 'out', ended: false });
  }
}
