import { store } from './store';

export interface Toast {
  text: string;
  tone: 'ok' | 'bad';
  undo?: () => void;
}
export const toast = store<Toast | null>(null);
let timer = 0;
export function say(text: string, tone: Toast['tone'] = 'ok', undo?: () => void): void {
  clearTimeout(timer);
  toast.set(undo ? { text, tone, undo } : { text, tone });
  timer = window.setTimeout(() => toast.set(null), 10_000);
}
