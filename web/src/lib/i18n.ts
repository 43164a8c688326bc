// Messages: the English text is its own key. Catalogues of other languages are loaded when chosen; what
// they lack is shown in English. tools/messages.mjs collects the keys and checks the catalogues.
import { store, useStore } from './store';
import { language } from './settings';

export const LANGUAGES: Record<string, string> = {
  en: 'English',
  vi: 'Tiếng Việt',
  id: 'Bahasa Indonesia',
  ms: 'Bahasa Melayu',
  th: 'ไทย',
  km: 'ខ្មែរ',
  lo: 'ລາວ',
  my: 'မြန်မာ',
  fil: 'Filipino',
  zh: '中文',
  ta: 'தமிழ்',
};

interface Catalogue {
  review: string; // who has looked at it; "for review": a machine's draft
  messages: Record<string, string>;
}
const loaders = import.meta.glob<{ default: Catalogue }>(['../locales/*.json', '!../locales/en.json']);
const catalogue = store<Catalogue>({ review: 'original', messages: {} });

async function load(code: string): Promise<void> {
  document.documentElement.lang = code;
  const loader = loaders[`../locales/${code}.json`];
  if (code === 'en' || !loader) return catalogue.set({ review: 'original', messages: {} });
  const found = await loader();
  if (language.get() === code) catalogue.set(found.default);
}
language.watch(() => void load(language.get()));
if (language.get() !== 'en') void load(language.get());

export type T = (text: string, values?: Record<string, string | number>) => string;

export const t: T = (text, values) => {
  let out = catalogue.get().messages[text] ?? text;
  if (values) for (const [name, value] of Object.entries(values)) out = out.replaceAll(`{${name}}`, String(value));
  return out;
};
// In components: they are drawn again when the language changes.
export function useT(): T {
  useStore(catalogue);
  return t;
}
export const useReview = (): string => useStore(catalogue).review;
