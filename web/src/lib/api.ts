// The node's API, with the cookie of the session. Nothing is asked of any other origin.
import { signedOut } from './session';

export class Problem extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    readonly where: string,
    detail: string,
    readonly body: unknown,
  ) {
    super(detail);
  }
}

async function problemOf(response: Response): Promise<Problem> {
  let body: Record<string, unknown> = {};
  try {
    body = (await response.json()) as Record<string, unknown>;
  } catch {
    // not ours: a proxy's page
  }
  const text = (name: string) => (typeof body[name] === 'string' ? (body[name] as string) : '');
  return new Problem(response.status, text('code'), text('where'), text('detail') || text('title') || `HTTP ${response.status}`, body);
}

export interface Options {
  method?: string;
  body?: string;
  headers?: Record<string, string>;
  signal?: AbortSignal;
}

export async function request(path: string, options: Options = {}): Promise<Response> {
  let response: Response;
  try {
    response = await fetch(path, { credentials: 'same-origin', cache: 'no-store', ...options });
  } catch (error) {
    if (error instanceof DOMException && error.name === 'AbortError') throw error;
    throw new Problem(0, 'unreachable', '', 'The node does not answer', null);
  }
  if (response.ok) return response;
  const problem = await problemOf(response);
  if (response.status === 401 && !path.startsWith('/api/v1/session')) signedOut();
  throw problem;
}

export async function get<T>(path: string, signal?: AbortSignal): Promise<T> {
  return (await (await request(path, signal ? { signal } : {})).json()) as T;
}
export async function getText(path: string): Promise<string> {
  return (await request(path)).text();
}
export async function post<T>(path: string, body: unknown, headers: Record<string, string> = {}): Promise<T> {
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  const response = await request(path, { method: 'POST', body: text, headers: { 'content-type': 'application/json', ...headers } });
  return (response.status === 204 ? null : await response.json()) as T;
}
export async function remove(path: string): Promise<void> {
  await request(path, { method: 'DELETE' });
}

export function words(error: unknown): string {
  if (error instanceof Problem) return error.where ? `${error.message} (${error.where})` : error.message;
  return error instanceof Error ? error.message : String(error);
}
