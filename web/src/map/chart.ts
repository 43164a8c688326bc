// Draws the chart: land, grid, names, marks. Canvas2D alone, so that it works without a graphics card and
// lets the browser shape labels of every script. Land only: no boundaries.
import type { Precedence } from '../lib/types';
import landUrl from './land.json?url';

export interface Window {
  lon: number; // of the middle
  lat: number;
  zoom: number; // pixels a degree of longitude
}
export interface Mark {
  id: string;
  lat: number;
  lon: number;
  precedence: Precedence;
  title: string;
  place: string;
}
export interface Name {
  text: string;
  lat: number;
  lon: number;
}
export const START: Window = { lon: 110.5, lat: 6.2, zoom: 17 };
export const ZOOM_MIN = 6;
export const ZOOM_MAX = 1200;

export const CITIES: Name[] = [
  { text: 'Bandar Seri Begawan', lat: 4.9, lon: 114.94 },
  { text: 'Phnom Penh', lat: 11.56, lon: 104.92 },
  { text: 'Jakarta', lat: -6.2, lon: 106.82 },
  { text: 'Vientiane', lat: 17.97, lon: 102.6 },
  { text: 'Kuala Lumpur', lat: 3.14, lon: 101.69 },
  { text: 'Nay Pyi Taw', lat: 19.75, lon: 96.1 },
  { text: 'Manila', lat: 14.6, lon: 120.98 },
  { text: 'Singapore', lat: 1.35, lon: 103.82 },
  { text: 'Bangkok', lat: 13.75, lon: 100.5 },
  { text: 'Dili', lat: -8.56, lon: 125.57 },
  { text: 'Ha Noi', lat: 21.03, lon: 105.85 },
];
// Names of waters are each node's own. Where members use different ones, none is shown unless the
// operator enters it.
export const SEAS: Name[] = [
  { text: 'Andaman Sea', lat: 11.6, lon: 96.2 },
  { text: 'Gulf of Thailand', lat: 9.6, lon: 101.6 },
  { text: '', lat: 13.2, lon: 113.6 },
  { text: 'Sulu Sea', lat: 8.6, lon: 120.2 },
  { text: 'Celebes Sea', lat: 3.2, lon: 122.4 },
  { text: 'Java Sea', lat: -4.9, lon: 111.2 },
  { text: 'Banda Sea', lat: -5.6, lon: 127.4 },
  { text: 'Timor Sea', lat: -10.9, lon: 127.2 },
  { text: 'Indian Ocean', lat: -7.2, lon: 98.6 },
  { text: 'Philippine Sea', lat: 16.4, lon: 127 },
];

const RAD = Math.PI / 180;
const mercator = (lat: number) => Math.log(Math.tan(Math.PI / 4 + (lat * RAD) / 2)) / RAD;
const inverse = (y: number) => (2 * Math.atan(Math.exp(y * RAD)) - Math.PI / 2) / RAD;

export class Chart {
  private fill: Path2D | null = null;
  private coast: Path2D | null = null;
  width = 0;
  height = 0;
  window: Window = START;
  credit = '';

  constructor(readonly canvas: HTMLCanvasElement) {}

  async load(): Promise<void> {
    const land = (await (await fetch(landUrl)).json()) as { credit: string; rings: number[][] };
    this.credit = land.credit;
    this.fill = new Path2D();
    this.coast = new Path2D();
    for (const ring of land.rings) {
      let x = 0;
      let y = 0;
      let edge = false;
      let first: [number, number] = [0, 0];
      for (let i = 0; i < ring.length; i += 2) {
        x += ring[i] ?? 0;
        y += ring[i + 1] ?? 0;
        const at: [number, number] = [x / 1000, -mercator(y / 1000)];
        // Where the data was cut off there is no coast.
        const onEdge = x <= 85000 || x >= 160000 || y <= -20000 || y >= 35000;
        if (i === 0) {
          this.fill.moveTo(...at);
          this.coast.moveTo(...at);
          first = at;
        } else {
          this.fill.lineTo(...at);
          if (edge && onEdge) this.coast.moveTo(...at);
          else this.coast.lineTo(...at);
        }
        edge = onEdge;
      }
      this.fill.closePath();
      if (!edge) this.coast.lineTo(...first);
    }
  }

  resize(width: number, height: number): void {
    const ratio = Math.min(devicePixelRatio || 1, 2);
    this.width = width;
    this.height = height;
    this.canvas.width = Math.round(width * ratio);
    this.canvas.height = Math.round(height * ratio);
  }

  toScreen(lat: number, lon: number): [number, number] {
    const { window: w } = this;
    return [this.width / 2 + (lon - w.lon) * w.zoom, this.height / 2 - (mercator(lat) - mercator(w.lat)) * w.zoom];
  }
  fromScreen(x: number, y: number): { lat: number; lon: number } {
    const { window: w } = this;
    return { lon: w.lon + (x - this.width / 2) / w.zoom, lat: inverse(mercator(w.lat) - (y - this.height / 2) / w.zoom) };
  }

  draw(scene: { marks: Mark[]; dots: Float64Array; selected: string | null; seas: Name[]; flash: Set<string>; phase: number }): void {
    const context = this.canvas.getContext('2d');
    if (!context) return;
    const ratio = this.canvas.width / Math.max(1, this.width);
    const style = getComputedStyle(document.documentElement);
    const color = (name: string) => style.getPropertyValue(name).trim();
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    const sea = context.createLinearGradient(0, 0, 0, this.height);
    sea.addColorStop(0, color('--sea1'));
    sea.addColorStop(1, color('--sea2'));
    context.fillStyle = sea;
    context.fillRect(0, 0, this.width, this.height);
    this.grid(context, color, false);
    this.land(context, color, ratio);
    this.grid(context, color, true);
    this.names(context, color, scene.seas);
    this.dots(context, scene.dots, color('--r'));
    this.marks(context, scene, color);
    this.scale(context, color);
  }

  private land(context: CanvasRenderingContext2D, color: (name: string) => string, ratio: number): void {
    if (!this.fill || !this.coast) return;
    const { window: w } = this;
    context.save();
    const k = w.zoom * ratio;
    context.setTransform(k, 0, 0, k, (this.width / 2) * ratio - w.lon * k, (this.height / 2) * ratio + mercator(w.lat) * k);
    context.lineJoin = 'round';
    context.strokeStyle = color('--shelf');
    context.lineWidth = 7 / w.zoom;
    context.stroke(this.coast);
    context.fillStyle = color('--land');
    context.fill(this.fill);
    context.strokeStyle = color('--coast');
    context.lineWidth = 0.9 / w.zoom;
    context.stroke(this.coast);
    context.restore();
  }

  // Lines under the land, figures over it.
  private grid(context: CanvasRenderingContext2D, color: (name: string) => string, figures: boolean): void {
    const step = [0.1, 0.25, 0.5, 1, 2, 5, 10, 20].find((s) => s * this.window.zoom >= 70) ?? 30;
    const a = this.fromScreen(0, this.height);
    const b = this.fromScreen(this.width, 0);
    context.strokeStyle = color('--grat');
    context.fillStyle = color('--grt');
    context.font = '10px "JetBrains Mono Variable", ui-monospace, monospace';
    context.lineWidth = 1;
    const digits = step < 1 ? 2 : 0;
    context.textAlign = 'left';
    for (let lon = Math.ceil(a.lon / step) * step; lon < b.lon; lon += step) {
      const x = Math.round(this.toScreen(0, lon)[0]) + 0.5;
      if (!figures) line(context, x, 0, x, this.height);
      else if (x > 60 && x < this.width - 40) context.fillText(`${Math.abs(lon).toFixed(digits)}°${lon < 0 ? 'W' : 'E'}`, x + 4, this.height - 34);
    }
    for (let lat = Math.ceil(a.lat / step) * step; lat < b.lat; lat += step) {
      const y = Math.round(this.toScreen(lat, 0)[1]) + 0.5;
      if (!figures) line(context, 0, y, this.width, y);
      else if (y > 60 && y < this.height - 50) context.fillText(lat === 0 ? '0°' : `${Math.abs(lat).toFixed(digits)}°${lat < 0 ? 'S' : 'N'}`, 6, y - 4);
    }
  }

  private names(context: CanvasRenderingContext2D, color: (name: string) => string, seas: Name[]): void {
    const family = getComputedStyle(document.body).fontFamily;
    context.textAlign = 'center';
    context.fillStyle = color('--ls');
    context.font = `italic 12px ${family}`;
    for (const sea of seas) {
      if (!sea.text) continue;
      const [x, y] = this.toScreen(sea.lat, sea.lon);
      spaced(context, sea.text, x, y);
    }
    context.textAlign = 'left';
    context.font = `11px ${family}`;
    for (const city of CITIES) {
      const [x, y] = this.toScreen(city.lat, city.lon);
      if (x < -100 || x > this.width + 20 || y < -10 || y > this.height + 10) continue;
      context.fillStyle = color('--lp');
      context.beginPath();
      context.arc(x, y, 1.8, 0, 7);
      context.fill();
      context.lineWidth = 3;
      context.strokeStyle = color('--land');
      context.strokeText(city.text, x + 5, y + 4);
      context.fillText(city.text, x + 5, y + 4);
    }
  }

  private dots(context: CanvasRenderingContext2D, dots: Float64Array, fill: string): void {
    context.fillStyle = fill;
    context.globalAlpha = 0.5;
    const size = Math.min(5, 2 + this.window.zoom / 60);
    for (let i = 0; i + 1 < dots.length; i += 2) {
      const [x, y] = this.toScreen(dots[i] ?? 0, dots[i + 1] ?? 0);
      if (x > -4 && y > -4 && x < this.width + 4 && y < this.height + 4) context.fillRect(x - size / 2, y - size / 2, size, size);
    }
    context.globalAlpha = 1;
  }

  private marks(context: CanvasRenderingContext2D, scene: { marks: Mark[]; selected: string | null; flash: Set<string>; phase: number }, color: (name: string) => string): void {
    const order: Record<Precedence, number> = { ROUTINE: 0, PRIORITY: 1, IMMEDIATE: 2, FLASH: 3 };
    const rank = (mark: Mark) => (mark.id === scene.selected ? 9 : order[mark.precedence]);
    for (const mark of [...scene.marks].sort((p, q) => rank(p) - rank(q))) {
      const [x, y] = this.toScreen(mark.lat, mark.lon);
      if (x < -20 || y < -20 || x > this.width + 20 || y > this.height + 20) continue;
      if (scene.flash.has(mark.id)) {
        context.strokeStyle = color('--ring');
        context.fillStyle = color('--ringf');
        context.lineWidth = 1.5;
        context.beginPath();
        context.arc(x, y, 13 + 6 * scene.phase, 0, 7);
        context.fill();
        context.stroke();
      }
      if (mark.id === scene.selected) {
        context.strokeStyle = color('--tx');
        context.lineWidth = 1.5;
        context.beginPath();
        context.arc(x, y, 13, 0, 7);
        context.stroke();
      }
      symbol(context, mark.precedence, x, y, color(symbolColor[mark.precedence]), color('--bg'));
    }
  }

  private scale(context: CanvasRenderingContext2D, color: (name: string) => string): void {
    // Nautical miles at the middle: a minute of latitude is one.
    const perMile = (this.window.zoom / 60) * (1 / Math.cos(this.window.lat * RAD));
    const miles = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000].findLast((n) => n * perMile <= 110) ?? 1;
    const length = miles * perMile;
    const y = this.height - 10;
    context.strokeStyle = context.fillStyle = color('--lp');
    context.lineWidth = 1;
    line(context, 12, y - 4, 12, y);
    line(context, 12, y, 12 + length, y);
    line(context, 12 + length, y, 12 + length, y - 4);
    context.font = '10px "JetBrains Mono Variable", ui-monospace, monospace';
    context.textAlign = 'left';
    context.fillText(`${miles} nm`, 16, y - 3);
  }

  hit(marks: Mark[], x: number, y: number): Mark | null {
    let best: Mark | null = null;
    let near = 14 * 14;
    for (const mark of marks) {
      const [mx, my] = this.toScreen(mark.lat, mark.lon);
      const d = (mx - x) ** 2 + (my - y) ** 2;
      if (d < near) {
        near = d;
        best = mark;
      }
    }
    return best;
  }

  zoomAt(factor: number, x = this.width / 2, y = this.height / 2): void {
    const at = this.fromScreen(x, y);
    const zoom = Math.min(ZOOM_MAX, Math.max(ZOOM_MIN, this.window.zoom * factor));
    this.window = { ...this.window, zoom };
    const after = this.fromScreen(x, y);
    this.move(at.lon - after.lon, mercator(at.lat) - mercator(after.lat));
  }
  pan(dx: number, dy: number): void {
    this.move(-dx / this.window.zoom, dy / this.window.zoom);
  }
  private move(lon: number, y: number): void {
    const w = this.window;
    this.window = { ...w, lon: Math.min(158, Math.max(87, w.lon + lon)), lat: Math.min(33, Math.max(-18, inverse(mercator(w.lat) + y))) };
  }
}

export const symbolColor: Record<Precedence, string> = { FLASH: '--z', IMMEDIATE: '--o', PRIORITY: '--pr', ROUTINE: '--r' };

function line(context: CanvasRenderingContext2D, x1: number, y1: number, x2: number, y2: number): void {
  context.beginPath();
  context.moveTo(x1, y1);
  context.lineTo(x2, y2);
  context.stroke();
}
function spaced(context: CanvasRenderingContext2D, text: string, x: number, y: number): void {
  if ('letterSpacing' in context) context.letterSpacing = '1px';
  context.fillText(text, x, y);
  if ('letterSpacing' in context) context.letterSpacing = '0px';
}

// Shape and colour both say the precedence: diamond, triangle, square, circle.
export function symbol(context: CanvasRenderingContext2D, precedence: Precedence, x: number, y: number, fill: string, rim: string): void {
  context.beginPath();
  if (precedence === 'FLASH') {
    context.moveTo(x, y - 8);
    context.lineTo(x + 8, y);
    context.lineTo(x, y + 8);
    context.lineTo(x - 8, y);
  } else if (precedence === 'IMMEDIATE') {
    context.moveTo(x, y - 7);
    context.lineTo(x + 7, y + 5.5);
    context.lineTo(x - 7, y + 5.5);
  } else if (precedence === 'PRIORITY') {
    context.rect(x - 5.5, y - 5.5, 11, 11);
  } else {
    context.arc(x, y, 5, 0, 7);
  }
  context.closePath();
  context.lineWidth = 2.5;
  context.strokeStyle = rim;
  context.stroke();
  context.fillStyle = fill;
  context.fill();
}
