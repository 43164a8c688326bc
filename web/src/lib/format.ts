// Times, places and sizes for people. Every time carries its zone.
import { zone } from './settings';
import { useStore } from './store';

const MONTHS = ['JAN', 'FEB', 'MAR', 'APR', 'MAY', 'JUN', 'JUL', 'AUG', 'SEP', 'OCT', 'NOV', 'DEC'];
const two = (n: number) => String(n).padStart(2, '0');

// Military letter of an offset in minutes; offsets that are no whole hour have none.
export function zoneSuffix(offset: number): string {
  if (offset === 0) return 'Z';
  if (offset % 60 === 0) {
    const hours = offset / 60;
    if (hours > 0 && hours <= 12) return 'ABCDEFGHIKLM'[hours - 1] ?? '';
    if (hours < 0 && hours >= -12) return 'NOPQRSTUVWXY'[-hours - 1] ?? '';
  }
  const sign = offset < 0 ? '-' : '+';
  const whole = Math.abs(offset);
  return `${sign}${two(Math.floor(whole / 60))}${two(whole % 60)}`;
}

interface Parts {
  year: number;
  month: number;
  day: number;
  hour: number;
  minute: number;
  second: number;
  suffix: string;
}
export function parts(when: Date, local: boolean): Parts {
  const offset = local ? -when.getTimezoneOffset() : 0;
  const at = new Date(when.getTime() + offset * 60_000);
  return {
    year: at.getUTCFullYear(),
    month: at.getUTCMonth(),
    day: at.getUTCDate(),
    hour: at.getUTCHours(),
    minute: at.getUTCMinutes(),
    second: at.getUTCSeconds(),
    suffix: zoneSuffix(offset),
  };
}

export function dtg(when: Date | string, local = false): string {
  const p = parts(new Date(when), local);
  return `${two(p.day)}${two(p.hour)}${two(p.minute)}${p.suffix} ${MONTHS[p.month]} ${two(p.year % 100)}`;
}
export function clock(when: Date | string, local = false): string {
  const p = parts(new Date(when), local);
  return `${two(p.hour)}:${two(p.minute)}${p.suffix}`;
}
// Time of day, with the date where it is not today's.
export function brief(when: string, local: boolean, now = Date.now()): string {
  const p = parts(new Date(when), local);
  const n = parts(new Date(now), local);
  const today = p.year === n.year && p.month === n.month && p.day === n.day;
  return today ? `${two(p.hour)}:${two(p.minute)}${p.suffix}` : `${two(p.day)} ${MONTHS[p.month]} ${two(p.hour)}:${two(p.minute)}${p.suffix}`;
}

export function useTimes() {
  const local = useStore(zone) === 'local';
  return { local, dtg: (when: Date | string) => dtg(when, local), brief: (when: string) => brief(when, local), clock: (when: Date | string) => clock(when, local) };
}

export function age(when: string, now = Date.now()): string {
  const s = Math.max(0, Math.round((now - new Date(when).getTime()) / 1000));
  if (s < 60) return `${s} s`;
  if (s < 3600) return `${Math.floor(s / 60)} min`;
  if (s < 86_400) return `${Math.floor(s / 3600)} h`;
  return `${Math.floor(s / 86_400)} d`;
}

export function bytes(n: number): string {
  if (n < 1000) return `${n} B`;
  if (n < 1e6) return `${(n / 1000).toFixed(n < 1e4 ? 1 : 0)} kB`;
  return `${(n / 1e6).toFixed(1)} MB`;
}
export const count = (n: number) => n.toLocaleString('en').replaceAll(',', ' ');

export function position(lat: number, lon: number): string {
  return `${Math.abs(lat).toFixed(2)}${lat < 0 ? 'S' : 'N'} ${Math.abs(lon).toFixed(2)}${lon < 0 ? 'W' : 'E'}`;
}
export function dms(lat: number, lon: number): string {
  const one = (value: number, wide: number, plus: string, minus: string) => {
    const total = Math.round(Math.abs(value) * 3600);
    const d = Math.floor(total / 3600);
    const m = Math.floor((total % 3600) / 60);
    return `${String(d).padStart(wide, '0')}°${two(m)}′${two(total % 60)}″${value < 0 ? minus : plus}`;
  };
  return `${one(lat, 2, 'N', 'S')} ${one(lon, 3, 'E', 'W')}`;
}

// A DTG ("240740Z NOV 26") or RFC 3339 with its zone; a time without a zone is not guessed at.
export function parseTime(text: string): Date | null {
  const clean = text.trim().toUpperCase();
  const m = /^(\d{2})(\d{2})(\d{2})\s*([A-Z])\s*([A-Z]{3})\s*(\d{2}|\d{4})$/.exec(clean);
  if (m) {
    const month = MONTHS.indexOf(m[5] ?? '');
    const hours = zoneHours(m[4] ?? '');
    const [day, hour, minute] = [Number(m[1]), Number(m[2]), Number(m[3])];
    const year = Number(m[6]) + ((m[6] ?? '').length === 2 ? 2000 : 0);
    if (month < 0 || hours === null || hour > 23 || minute > 59) return null;
    const at = new Date(Date.UTC(year, month, day, hour, minute));
    return at.getUTCDate() === day ? new Date(at.getTime() - hours * 3_600_000) : null;
  }
  if (!/^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(:\d{2}(\.\d+)?)?(Z|[+-]\d{2}:\d{2})$/.test(clean)) return null;
  const at = new Date(clean);
  return Number.isNaN(at.getTime()) ? null : at;
}
function zoneHours(letter: string): number | null {
  if (letter === 'Z') return 0;
  const east = 'ABCDEFGHIKLM'.indexOf(letter);
  if (east >= 0) return east + 1;
  const west = 'NOPQRSTUVWXY'.indexOf(letter);
  return west >= 0 ? -(west + 1) : null;
}

// "1.09N 103.93E", "1.09, 103.93", "1°05'24"N 103°55'48"E", "0105.4N 10355.8E", "01-05-24N 103-55-48E"
export function parsePosition(text: string): { lat: number; lon: number } | null {
  const clean = text.trim().toUpperCase().replace(/[′’']/g, "'").replace(/[″”]/g, '"').replace(/−/g, '-');
  const plain = /^([+-]?\d{1,2}(?:\.\d+)?)[\s,;]+([+-]?\d{1,3}(?:\.\d+)?)$/.exec(clean);
  if (plain) return within(Number(plain[1]), Number(plain[2]));
  const pair = /^(.+?)\s*([NS])[\s,;/]*(.+?)\s*([EW])$/.exec(clean);
  if (!pair) return null;
  const lat = angle(pair[1] ?? '', 2);
  const lon = angle(pair[3] ?? '', 3);
  if (lat === null || lon === null) return null;
  return within(pair[2] === 'S' ? -lat : lat, pair[4] === 'W' ? -lon : lon);
}
function within(lat: number, lon: number) {
  return Math.abs(lat) <= 90 && Math.abs(lon) <= 180 ? { lat, lon } : null;
}
function angle(text: string, degreeDigits: number): number | null {
  const run = /^(\d+)(\.\d+)?$/.exec(text.trim());
  // Without separators DDMM(.m) or DDMMSS if there are too many digits for degrees.
  if (run && (run[1] ?? '').length > degreeDigits) {
    const digits = run[1] ?? '';
    const d = Number(digits.slice(0, degreeDigits));
    const rest = digits.slice(degreeDigits);
    if (rest.length === 2) return sexagesimal(d, Number(rest + (run[2] ?? '')), 0);
    if (rest.length === 4) return sexagesimal(d, Number(rest.slice(0, 2)), Number(rest.slice(2) + (run[2] ?? '')));
    return null;
  }
  const numbers = text.split(/[^\d.]+/).filter(Boolean);
  if (numbers.length < 1 || numbers.length > 3 || numbers.some((n) => !/^\d+(\.\d+)?$/.test(n))) return null;
  return sexagesimal(Number(numbers[0]), Number(numbers[1] ?? 0), Number(numbers[2] ?? 0));
}
function sexagesimal(d: number, m: number, s: number): number | null {
  return m < 60 && s < 60 ? d + m / 60 + s / 3600 : null;
}

export const shortId = (item: { originator: string; id: string }) => `${item.originator}-${item.id.slice(-8)}`;
