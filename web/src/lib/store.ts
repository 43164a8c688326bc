// A value that components watch.
import { useSyncExternalStore } from 'react';

export interface Store<T> {
  get(): T;
  set(next: T | ((now: T) => T)): void;
  watch(listener: () => void): () => void;
}

export function store<T>(initial: T): Store<T> {
  let value = initial;
  const listeners = new Set<() => void>();
  return {
    get: () => value,
    set(next) {
      const after = typeof next === 'function' ? (next as (now: T) => T)(value) : next;
      if (Object.is(after, value)) return;
      value = after;
      for (const listener of listeners) listener();
    },
    watch(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}

export function useStore<T>(of: Store<T>): T {
  return useSyncExternalStore(of.watch, of.get);
}

// Kept in this browser: settings and what was acknowledged on it, never anything secret.
export function kept<T>(name: string, initial: T): Store<T> {
  const key = `amic.${name}`;
  let start = initial;
  try {
    const text = localStorage.getItem(key);
    if (text !== null) start = JSON.parse(text) as T;
  } catch {
    // not readable: as if new
  }
  const inner = store(start);
  inner.watch(() => {
    try {
      localStorage.setItem(key, JSON.stringify(inner.get()));
    } catch {
      // full or forbidden: it lasts as long as the page
    }
  });
  addEventListener('storage', (event) => {
    if (event.key !== key || event.newValue === null) return;
    try {
      inner.set(JSON.parse(event.newValue) as T);
    } catch {
      // written by something else
    }
  });
  return inner;
}
