// A list of any length with a few dozen elements in the page: only the rows in sight exist.
import { useEffect, useLayoutEffect, useRef, useState, type ReactNode } from 'react';

const SPARE = 6;

export function Rows<R>(props: { rows: R[]; height: number; label: string; keyOf(row: R): string; selected: string | null; draw(row: R, index: number): ReactNode; onSelect(row: R): void; onOpen?: (row: R) => void; onEnd?: () => void; fresh?: (count: number) => ReactNode }) {
  const { rows, height, keyOf } = props;
  const box = useRef<HTMLDivElement>(null);
  const [top, setTop] = useState(0);
  const [room, setRoom] = useState(800);
  const first = useRef<string | null>(null);
  const [missed, setMissed] = useState(0);

  useLayoutEffect(() => {
    const element = box.current;
    if (!element) return;
    const observer = new ResizeObserver(() => setRoom(element.clientHeight));
    observer.observe(element);
    return () => observer.disconnect();
  }, []);

  // The list never moves under the pointer: what comes on top while it is scrolled is counted instead.
  const head = rows[0] ? keyOf(rows[0]) : null;
  useLayoutEffect(() => {
    const element = box.current;
    const before = first.current;
    first.current = head;
    if (!element || !before || before === head || element.scrollTop < 4) return;
    const added = rows.findIndex((row) => keyOf(row) === before);
    if (added > 0 && added < 1000) {
      element.scrollTop += added * height;
      setMissed((n) => n + added);
    }
  });

  const index = props.selected ? rows.findIndex((row) => keyOf(row) === props.selected) : -1;
  useEffect(() => {
    const element = box.current;
    if (!element || index < 0) return;
    const y = index * height;
    if (y < element.scrollTop) element.scrollTop = y;
    else if (y + height > element.scrollTop + element.clientHeight) element.scrollTop = y + height - element.clientHeight;
    // Only when the selection changes: not when rows come in above it.
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, [props.selected]);

  const from = Math.max(0, Math.floor(top / height) - SPARE);
  const to = Math.min(rows.length, Math.ceil((top + room) / height) + SPARE);
  const choose = (at: number) => {
    const row = rows[Math.max(0, Math.min(rows.length - 1, at))];
    if (row) props.onSelect(row);
  };
  const key = (event: React.KeyboardEvent) => {
    const page = Math.max(1, Math.floor(room / height) - 1);
    const to: Record<string, number> = { ArrowDown: index + 1, ArrowUp: index < 0 ? 0 : index - 1, PageDown: index + page, PageUp: index - page, Home: 0, End: rows.length - 1 };
    const target = to[event.key];
    if (target !== undefined) choose(target);
    else if (event.key === 'Enter' && index >= 0 && rows[index]) props.onOpen?.(rows[index]);
    else return;
    event.preventDefault();
  };
  return (
    <div className="rows-holder">
      {missed > 0 && (
        <button
          className="pill"
          onClick={() => {
            if (box.current) box.current.scrollTop = 0;
            setMissed(0);
          }}
        >
          {props.fresh?.(missed) ?? `${missed} new`}
        </button>
      )}
      <div
        className="rows"
        ref={box}
        role="listbox"
        tabIndex={0}
        aria-label={props.label}
        aria-activedescendant={index >= from && index < to ? `row-${props.selected}` : undefined}
        onKeyDown={key}
        onScroll={(event) => {
          const element = event.currentTarget;
          setTop(element.scrollTop);
          if (element.scrollTop < 4 && missed) setMissed(0);
          if (element.scrollHeight - element.scrollTop - element.clientHeight < 1500) props.onEnd?.();
        }}
      >
        <div className="rows-all" style={{ height: rows.length * height }}>
          {rows.slice(from, to).map((row, i) => {
            const id = keyOf(row);
            return (
              <div
                key={id}
                id={`row-${id}`}
                role="option"
                aria-selected={id === props.selected}
                aria-setsize={rows.length}
                aria-posinset={from + i + 1}
                className="row"
                style={{ top: (from + i) * height, height }}
                onClick={() => props.onSelect(row)}
                onDoubleClick={() => props.onOpen?.(row)}
              >
                {props.draw(row, from + i)}
              </div>
            );
          })}
        </div>
      </div>
    </div>
  );
}
