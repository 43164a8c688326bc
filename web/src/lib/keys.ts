// Keys for everything. Single letters do nothing while one types, and can be turned off.
import { useEffect } from 'react';
import { letters } from './settings';

export interface Binding {
  key: string; // "a", "ctrl+k", "g w"
  label: string;
  run(): void;
}
const layers: Binding[][] = [];

function typing(target: EventTarget | null): boolean {
  return target instanceof HTMLElement && (target.isContentEditable || ['INPUT', 'TEXTAREA', 'SELECT'].includes(target.tagName));
}

let pending = '';
let pendingUntil = 0;
addEventListener('keydown', (event) => {
  if (event.defaultPrevented || event.isComposing || event.altKey) return;
  const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  const control = event.ctrlKey || event.metaKey;
  let name = (control ? 'ctrl+' : '') + (event.shiftKey && event.key.length > 1 ? 'shift+' : '') + key;
  if (!control && event.key.length === 1) {
    if (typing(event.target) || !letters.get()) return;
    if (pending && Date.now() < pendingUntil) name = `${pending} ${name}`;
  }
  pending = '';
  if (typing(event.target) && !control && key !== 'Escape' && !/^F\d+$/.test(key)) return;
  if (document.querySelector('dialog[open]') && !control && key !== 'Escape') return;
  for (let i = layers.length - 1; i >= 0; --i) {
    const found = layers[i]?.find((binding) => binding.key === name);
    if (found) {
      event.preventDefault();
      found.run();
      return;
    }
  }
  // Out of a field with one key, so that the single letters work again.
  if (name === 'Escape' && event.target instanceof HTMLElement && typing(event.target)) event.target.blur();
  if (name === 'g') {
    pending = 'g';
    pendingUntil = Date.now() + 1500;
  }
});

export function useKeys(bindings: Binding[]): void {
  useEffect(() => {
    layers.push(bindings);
    return () => {
      layers.splice(layers.indexOf(bindings), 1);
    };
  });
}
export const allKeys = (): Binding[] => layers.flat();
