// What a screen wants of a bundle, and the bundles that the Write screen makes. Grades travel as labels
// of the public taxonomies `admiralty-scale` and `estimative-language`.
import { dtg, parseTime, position } from './format';
import type { Bundle, StixObject } from './types';

export interface Place {
  lat: number;
  lon: number;
  name: string;
}
export interface Contents {
  main: StixObject | undefined;
  text: string;
  kind: string;
  topics: string[];
  places: Place[];
  reliability: string; // A-F
  credibility: string; // 1-6
  likelihood: string;
  objects: StixObject[];
}

export const RELIABILITY: Record<string, string> = {
  A: 'Completely reliable',
  B: 'Usually reliable',
  C: 'Fairly reliable',
  D: 'Not usually reliable',
  E: 'Unreliable',
  F: 'Cannot be judged',
};
export const CREDIBILITY: Record<string, string> = {
  '1': 'Confirmed',
  '2': 'Probably true',
  '3': 'Possibly true',
  '4': 'Doubtful',
  '5': 'Improbable',
  '6': 'Cannot be judged',
};
export const LIKELIHOOD: { id: string; name: string; from: number; to: number }[] = [
  { id: 'almost-no-chance', name: 'Almost no chance', from: 1, to: 5 },
  { id: 'very-unlikely', name: 'Very unlikely', from: 5, to: 20 },
  { id: 'unlikely', name: 'Unlikely', from: 20, to: 45 },
  { id: 'roughly-even-chance', name: 'Roughly even chance', from: 45, to: 55 },
  { id: 'likely', name: 'Likely', from: 55, to: 80 },
  { id: 'very-likely', name: 'Very likely', from: 80, to: 95 },
  { id: 'almost-certain', name: 'Almost certain', from: 95, to: 99 },
];
export const TOPICS = ['maritime', 'terrorism', 'cyber', 'smuggling', 'health', 'disaster', 'energy'] as const;
export const KINDS = ['SPOTREP', 'INTREP', 'SITREP', 'WARNING', 'NOTE'] as const;
export type Kind = (typeof KINDS)[number];

function tag(labels: string[], name: string): string {
  const prefix = `${name}="`;
  const found = labels.find((label) => label.startsWith(prefix));
  return found ? found.slice(prefix.length, -1) : '';
}

function placeOf(object: StixObject): Place[] {
  const { latitude, longitude } = object;
  if (object.type !== 'location' || typeof latitude !== 'number' || typeof longitude !== 'number') return [];
  return [{ lat: latitude, lon: longitude, name: object.name ?? '' }];
}

export function contentsOf(bundle: Bundle): Contents {
  const objects = bundle.objects ?? [];
  const main = objects.find((o) => o.type === 'report') ?? objects.find((o) => o.type === 'note') ?? objects.find((o) => o.type === 'incident') ?? objects[0];
  const labels = main?.labels ?? [];
  const text = main?.description ?? (typeof main?.['content'] === 'string' ? (main['content'] as string) : '');
  return {
    main,
    text,
    kind: (KINDS as readonly string[]).find((kind) => labels.includes(kind.toLowerCase())) ?? (main?.type ?? '').toUpperCase(),
    topics: TOPICS.filter((topic) => labels.includes(topic)),
    places: objects.flatMap(placeOf),
    reliability: tag(labels, 'admiralty-scale:source-reliability').toUpperCase(),
    credibility: tag(labels, 'admiralty-scale:information-credibility'),
    likelihood: tag(labels, 'estimative-language:likelihood-probability'),
    objects,
  };
}

export function nameOf(object: StixObject): string {
  if (object.name) return object.name;
  const [place] = placeOf(object);
  if (place) return position(place.lat, place.lon);
  for (const field of ['value', 'abstract', 'content', 'relationship_type', 'pattern'])
    if (typeof object[field] === 'string') return (object[field] as string).slice(0, 120);
  return object.type;
}

// --- writing --------------------------------------------------------------------------------------

export interface Draft {
  id: string;
  kind: Kind;
  precedence: 'FLASH' | 'IMMEDIATE' | 'PRIORITY' | 'ROUTINE';
  title: string;
  fields: Record<string, string>;
  text: string;
  observed: string; // DTG or RFC 3339, as typed
  position: string;
  place: string;
  topic: string;
  reliability: string;
  credibility: string;
  likelihood: string;
  about: string; // STIX id that a note is about
  classification: string;
  tlp: string;
  handling: string[];
  relTo: string[];
  purpose: string;
  releaseKey: string; // Idempotency-Key: a release that is repeated after a failure sends nothing twice
  changed: number;
}

export const FIELDS: Record<Kind, { name: string; label: string; hint: string }[]> = {
  SPOTREP: [
    { name: 'size', label: 'Size', hint: 'How many' },
    { name: 'activity', label: 'Activity', hint: 'What they are doing' },
    { name: 'unit', label: 'Unit', hint: 'Who: markings, type, description' },
    { name: 'equipment', label: 'Equipment', hint: 'Weapons, craft, means' },
  ],
  INTREP: [{ name: 'sowhat', label: 'So what', hint: 'What it means, kept apart from what was observed' }],
  SITREP: [{ name: 'outlook', label: 'Outlook', hint: 'What is expected next' }],
  WARNING: [
    { name: 'threat', label: 'Threat', hint: 'What may happen' },
    { name: 'target', label: 'Target', hint: 'Who or what is threatened' },
    { name: 'window', label: 'Window', hint: 'From when to when' },
    { name: 'advice', label: 'Advice', hint: 'One recommended act' },
  ],
  NOTE: [],
};

// A name-based UUID (version 5 in form), so that the same author is the same object in every bundle.
async function derived(text: string): Promise<string> {
  const hash = new Uint8Array(await crypto.subtle.digest('SHA-256', new TextEncoder().encode(text))).slice(0, 16);
  hash[6] = ((hash[6] ?? 0) & 0x0f) | 0x50;
  hash[8] = ((hash[8] ?? 0) & 0x3f) | 0x80;
  const hex = [...hash].map((b) => b.toString(16).padStart(2, '0')).join('');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}

export function fullText(draft: Draft): string {
  const lines = FIELDS[draft.kind].map(({ name, label }) => [label.toUpperCase(), (draft.fields[name] ?? '').trim()] as const).filter(([, value]) => value);
  const at = parseTime(draft.observed);
  if (at && draft.kind !== 'NOTE') lines.unshift(['TIME', dtg(at)]);
  if (draft.place.trim()) lines.push(['LOCATION', draft.place.trim()]);
  return [lines.map(([label, value]) => `${label}: ${value}`).join('\n'), draft.text.trim()].filter(Boolean).join('\n\n');
}

export async function bundleOf(draft: Draft, author: { community: string; member: string; name: string }, at: { lat: number; lon: number } | null, now: Date): Promise<Bundle> {
  const stamp = now.toISOString();
  const identity = `identity--${await derived(`amic/identity/${author.community}/${author.member}`)}`;
  const common = (type: string, id: string) => ({ type, spec_version: '2.1', id: `${type}--${id}`, created: stamp, modified: stamp });
  const objects: StixObject[] = [
    { type: 'identity', spec_version: '2.1', id: identity, created: '2026-01-01T00:00:00.000Z', modified: '2026-01-01T00:00:00.000Z', name: author.name, identity_class: 'organization' },
  ];
  const refs: string[] = [];
  if (at) {
    const location = { ...common('location', await derived(`amic/location/${draft.id}`)), created_by_ref: identity, latitude: at.lat, longitude: at.lon, ...(draft.place.trim() ? { name: draft.place.trim() } : {}) };
    objects.push(location);
    refs.push(location.id);
  }
  if (draft.about.trim()) refs.push(draft.about.trim());
  const labels = [draft.kind.toLowerCase(), ...(draft.topic ? [draft.topic] : [])];
  if (draft.reliability) labels.push(`admiralty-scale:source-reliability="${draft.reliability.toLowerCase()}"`);
  if (draft.credibility) labels.push(`admiralty-scale:information-credibility="${draft.credibility}"`);
  if (draft.likelihood) labels.push(`estimative-language:likelihood-probability="${draft.likelihood}"`);
  const text = fullText(draft);
  if (draft.kind === 'NOTE') {
    objects.push({ ...common('note', draft.id), created_by_ref: identity, abstract: draft.title.trim(), content: text || draft.title.trim(), labels, object_refs: refs.length ? refs : [identity] });
  } else {
    objects.push({ ...common('report', draft.id), created_by_ref: identity, name: draft.title.trim(), ...(text ? { description: text } : {}), labels, published: stamp, object_refs: refs.length ? refs : [identity] });
  }
  return { type: 'bundle', id: `bundle--${await derived(`amic/bundle/${draft.id}/${stamp}`)}`, objects };
}

// Words that weaken a judgement, and likelihood mixed with confidence (ICD 203): hints, never a block.
export function lint(text: string): string[] {
  const out: string[] = [];
  if (/\b(may|might|could)\s+(possibly|perhaps)\b/i.test(text)) out.push('“may possibly” says the same doubt twice: choose one likelihood.');
  for (const sentence of text.split(/(?<=[.!?])\s+/)) {
    if (/\bconfidence\b/i.test(sentence) && /\b(likely|unlikely|almost certain|even chance)\b/i.test(sentence))
      out.push('Likelihood and confidence stand in one sentence: keep them apart.');
  }
  if (/\b(100\s?%|certainly|definitely)\b/i.test(text)) out.push('Nothing is certain: the highest likelihood is “almost certain” (95-99 %).');
  return [...new Set(out)];
}
