import { kept } from './store';

const prefersLight = matchMedia('(prefers-color-scheme: light)').matches;
export const theme = kept<'dark' | 'light'>('theme', prefersLight ? 'light' : 'dark');
export const zone = kept<'Z' | 'local'>('zone', 'Z');
export const density = kept<'normal' | 'compact'>('density', 'normal');
export const sound = kept<boolean>('sound', true);
export const letters = kept<boolean>('letters', true); // single-letter keys (WCAG 2.1.4)
export const language = kept<string>('language', 'en');
export const seaNames = kept<'shown' | 'hidden'>('sea-names', 'shown');

export interface View {
  name: string;
  address: string;
}
export const views = kept<View[]>('views', []);

const apply = () => document.documentElement.setAttribute('data-theme', theme.get());
apply();
theme.watch(apply);
const applyDensity = () => document.documentElement.setAttribute('data-density', density.get());
applyDensity();
density.watch(applyDensity);
