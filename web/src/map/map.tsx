// The chart with its controls. Its window is part of the address.
import { Maximize2, Minus, Plus } from 'lucide-react';
import { useCallback, useEffect, useRef, useState } from 'react';
import { useT } from '../lib/i18n';
import { change, useUrl } from '../lib/router';
import { theme } from '../lib/settings';
import { kept, useStore } from '../lib/store';
import { PRECEDENCES, type Precedence } from '../lib/types';
import { Chart, SEAS, START, type Mark, type Name, type Window } from './chart';

export const seas = kept<Name[]>('seas', SEAS);
export const incidentsShown = kept<boolean>('incidents-shown', true);

const textOf = (w: Window) => `${w.lon.toFixed(2)},${w.lat.toFixed(2)},${w.zoom.toFixed(0)}`;
function windowOf(text: string | undefined): Window {
  const [lon, lat, zoom] = (text ?? '').split(',').map(Number);
  return lon !== undefined && lat !== undefined && zoom !== undefined && [lon, lat, zoom].every(Number.isFinite) && zoom >= 6 && zoom <= 1200 && Math.abs(lat) < 60 ? { lon, lat, zoom } : START;
}

export function Map(props: { marks: Mark[]; dots: Float64Array; selected: string | null; flash: Set<string>; onSelect(id: string): void; onPoint?: (at: { lat: number; lon: number }) => void }) {
  const t = useT();
  const canvas = useRef<HTMLCanvasElement>(null);
  const holder = useRef<HTMLDivElement>(null);
  const chart = useRef<Chart | null>(null);
  const [callout, setCallout] = useState<{ mark: Mark; x: number; y: number } | null>(null);
  const latest = useRef(props);
  latest.current = props;
  const names = useStore(seas);
  const shown = useStore(incidentsShown);
  const { query } = useUrl();
  useStore(theme);
  const due = useRef(0);

  const paint = useCallback(() => {
    cancelAnimationFrame(due.current);
    due.current = requestAnimationFrame(() => {
      const c = chart.current;
      if (!c) return;
      const p = latest.current;
      const phase = matchMedia('(prefers-reduced-motion: reduce)').matches ? 0.5 : (1 + Math.sin(Date.now() / 300)) / 2;
      c.draw({ marks: p.marks, dots: incidentsShown.get() ? p.dots : new Float64Array(), selected: p.selected, seas: seas.get(), flash: p.flash, phase });
      const mark = p.marks.find((m) => m.id === p.selected);
      if (!mark) setCallout(null);
      else {
        const [x, y] = c.toScreen(mark.lat, mark.lon);
        const inside = x > 0 && y > 0 && x < c.width && y < c.height;
        setCallout((now) => (!inside ? null : now && now.mark.id === mark.id && Math.abs(now.x - x) < 0.5 && Math.abs(now.y - y) < 0.5 ? now : { mark, x, y }));
      }
    });
  }, []);

  useEffect(() => {
    if (!canvas.current || !holder.current) return;
    const c = new Chart(canvas.current);
    chart.current = c;
    c.window = windowOf(query['map']);
    const box = holder.current;
    const observer = new ResizeObserver(() => {
      if (c.width === 0 && !query['map']) c.window = { ...START, zoom: Math.max(9, Math.min(box.clientWidth / 40, box.clientHeight / 38)) };
      c.resize(box.clientWidth, box.clientHeight);
      paint();
    });
    observer.observe(box);
    void c.load().then(paint);
    void document.fonts.ready.then(paint);
    return () => observer.disconnect();
    // The window is read from the address once; afterwards the chart writes it there.
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, [paint]);
  useEffect(paint);
  // Only an alarm moves, and only while there is one.
  useEffect(() => {
    if (props.flash.size === 0 || matchMedia('(prefers-reduced-motion: reduce)').matches) return;
    const timer = setInterval(paint, 120);
    return () => clearInterval(timer);
  }, [props.flash, paint]);

  const remember = useRef(0);
  const moved = () => {
    paint();
    clearTimeout(remember.current);
    remember.current = window.setTimeout(() => chart.current && change({ map: textOf(chart.current.window) }), 400);
  };

  useEffect(() => {
    const box = canvas.current;
    if (!box) return;
    const wheel = (event: WheelEvent) => {
      event.preventDefault();
      const at = box.getBoundingClientRect();
      chart.current?.zoomAt(Math.exp(-event.deltaY * 0.0015), event.clientX - at.left, event.clientY - at.top);
      moved();
    };
    box.addEventListener('wheel', wheel, { passive: false });
    return () => box.removeEventListener('wheel', wheel);
  });

  const drag = useRef<{ x: number; y: number; far: boolean } | null>(null);
  const key = (event: React.KeyboardEvent) => {
    const c = chart.current;
    const step: Record<string, [number, number]> = { ArrowLeft: [60, 0], ArrowRight: [-60, 0], ArrowUp: [0, 60], ArrowDown: [0, -60] };
    const by = step[event.key];
    if (!c) return;
    if (by) c.pan(...by);
    else if (event.key === '+' || event.key === '=') c.zoomAt(1.5);
    else if (event.key === '-') c.zoomAt(1 / 1.5);
    else if (event.key === '0') c.window = START;
    else return;
    event.preventDefault();
    moved();
  };
  const zoom = (factor: number | null) => {
    if (!chart.current) return;
    if (factor === null) chart.current.window = START;
    else chart.current.zoomAt(factor);
    moved();
  };

  return (
    <section className="map" ref={holder} aria-label={t('Map')}>
      <canvas
        ref={canvas}
        tabIndex={0}
        role="img"
        aria-label={t('Map of {n} located items. Arrow keys move it, plus and minus zoom, 0 resets. The feed lists the same items.', { n: props.marks.length })}
        onKeyDown={key}
        onPointerDown={(e) => {
          drag.current = { x: e.clientX, y: e.clientY, far: false };
          e.currentTarget.setPointerCapture(e.pointerId);
        }}
        onPointerMove={(e) => {
          const d = drag.current;
          if (!d) return;
          if (!d.far && Math.hypot(e.clientX - d.x, e.clientY - d.y) < 4) return;
          d.far = true;
          chart.current?.pan(e.clientX - d.x, e.clientY - d.y);
          d.x = e.clientX;
          d.y = e.clientY;
          moved();
        }}
        onPointerUp={(e) => {
          const d = drag.current;
          drag.current = null;
          if (!d || d.far || !chart.current) return;
          const at = e.currentTarget.getBoundingClientRect();
          const [x, y] = [e.clientX - at.left, e.clientY - at.top];
          const mark = chart.current.hit(props.marks, x, y);
          if (mark) props.onSelect(mark.id);
          else props.onPoint?.(chart.current.fromScreen(x, y));
        }}
      />
      <div className="legend">
        {PRECEDENCES.map((p) => (
          <span key={p}>
            <Symbol of={p} /> {t(WORD[p])}
          </span>
        ))}
        {props.dots.length > 0 && (
          <label>
            <input type="checkbox" checked={shown} onChange={(e) => incidentsShown.set(e.target.checked)} /> {t('Incidents')} <span className="mono">{props.dots.length / 2}</span>
          </label>
        )}
      </div>
      <div className="zoom">
        <button aria-label={t('Zoom in')} title={t('Zoom in')} onClick={() => zoom(1.6)}><Plus size={15} aria-hidden /></button>
        <button aria-label={t('Zoom out')} title={t('Zoom out')} onClick={() => zoom(1 / 1.6)}><Minus size={15} aria-hidden /></button>
        <button aria-label={t('Whole region')} title={t('Whole region')} onClick={() => zoom(null)}><Maximize2 size={14} aria-hidden /></button>
      </div>
      {callout && (
        <div className={`callout ${callout.mark.precedence}`} style={{ left: Math.min(callout.x + 22, (chart.current?.width ?? 0) - 214), top: callout.y - 18 }}>
          <b>{callout.mark.title}</b>
          <span>{callout.mark.place}</span>
        </div>
      )}
      <div className="credit">{t('Natural Earth 1:10m land · no boundaries are drawn')}{names.some((n) => !n.text) ? ` · ${t('names of waters: set by this node')}` : ''}</div>
    </section>
  );
}

export const WORD: Record<Precedence, string> = { FLASH: 'Flash', IMMEDIATE: 'Immediate', PRIORITY: 'Priority', ROUTINE: 'Routine' };

export function Symbol({ of }: { of: Precedence }) {
  const shape = {
    FLASH: <path d="M6 .5 11.5 6 6 11.5.5 6Z" />,
    IMMEDIATE: <path d="M6 1 11.5 11H.5Z" />,
    PRIORITY: <rect x="1.5" y="1.5" width="9" height="9" />,
    ROUTINE: <circle cx="6" cy="6" r="4" />,
  }[of];
  return <svg className={`symbol ${of}`} viewBox="0 0 12 12" width="11" height="11" aria-hidden>{shape}</svg>;
}
