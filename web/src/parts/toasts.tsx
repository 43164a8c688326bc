import { useT } from '../lib/i18n';
import { useKeys } from '../lib/keys';
import { useStore } from '../lib/store';
import { toast } from '../lib/toast';
import { Key } from './bits';

export function Toasts() {
  const t = useT();
  const now = useStore(toast);
  const undo = () => {
    now?.undo?.();
    toast.set(null);
  };
  useKeys(now?.undo ? [{ key: 'z', label: t('Undo'), run: undo }] : []);
  return (
    <div className="toasts" role="status" aria-live="polite">
      {now && (
        <div className={`toast ${now.tone}`}>
          {now.text}
          {now.undo && <button onClick={undo}>{t('Undo')} <Key>Z</Key></button>}
        </div>
      )}
    </div>
  );
}
