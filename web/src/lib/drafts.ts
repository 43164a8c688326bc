// Drafts in IndexedDB: each change is written at once and survives the browser's end. Never cleared by
// a log-out, a reload or a failed release; only by a release that the node has confirmed, or on request.
import type { Draft } from './stix';

let opened: Promise<IDBDatabase> | null = null;
function open(): Promise<IDBDatabase> {
  opened ??= new Promise((resolve, reject) => {
    const wanted = indexedDB.open('amic', 1);
    wanted.onupgradeneeded = () => wanted.result.createObjectStore('drafts', { keyPath: 'key' });
    wanted.onsuccess = () => resolve(wanted.result);
    wanted.onerror = () => reject(wanted.error ?? new Error('IndexedDB'));
  });
  return opened;
}

async function run<T>(mode: IDBTransactionMode, work: (drafts: IDBObjectStore) => IDBRequest<T>): Promise<T> {
  const database = await open();
  return new Promise((resolve, reject) => {
    // Strict: on the disk when it is said to be done.
    const transaction = database.transaction('drafts', mode, { durability: 'strict' });
    const wanted = work(transaction.objectStore('drafts'));
    transaction.oncomplete = () => resolve(wanted.result);
    transaction.onerror = () => reject(transaction.error ?? new Error('IndexedDB'));
    transaction.onabort = () => reject(transaction.error ?? new Error('IndexedDB'));
  });
}

// Drafts belong to one member's node: two nodes on one machine differ by port, which IndexedDB tells apart.
type Row = Draft & { key: string };
export async function list(): Promise<Draft[]> {
  const rows = await run<Row[]>('readonly', (drafts) => drafts.getAll() as IDBRequest<Row[]>);
  return rows.sort((a, b) => b.changed - a.changed);
}
export const save = (draft: Draft) => run('readwrite', (drafts) => drafts.put({ ...draft, key: draft.id }));
export const drop = (id: string) => run('readwrite', (drafts) => drafts.delete(id));
