// Every state of a screen is an address: the path names the screen, the query the rest.
import { store, useStore } from './store';

export interface Url {
  path: string;
  query: Record<string, string>;
}

function read(): Url {
  return { path: location.pathname === '/' ? '/watch' : location.pathname, query: Object.fromEntries(new URLSearchParams(location.search)) };
}

const url = store<Url>(read());
addEventListener('popstate', () => url.set(read()));

export function address(path: string, query: Record<string, string | undefined> = {}): string {
  const wanted = Object.entries(query).filter((entry): entry is [string, string] => !!entry[1]);
  const text = new URLSearchParams(wanted).toString();
  return text ? `${path}?${text}` : path;
}

export function go(path: string, query: Record<string, string | undefined> = {}, replace = false): void {
  const next = address(path, query);
  if (next === location.pathname + location.search) return;
  if (replace) history.replaceState(null, '', next);
  else history.pushState(null, '', next);
  url.set(read());
}

// Changes some of the query of the present screen; undefined takes a value away.
export function change(query: Record<string, string | undefined>, replace = true): void {
  const now = url.get();
  go(now.path, { ...now.query, ...query }, replace);
}

export const here = (): Url => url.get();
export const useUrl = (): Url => useStore(url);
