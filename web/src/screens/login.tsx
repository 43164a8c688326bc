import { Globe, KeyRound } from 'lucide-react';
import { useState } from 'react';
import { words } from '../lib/api';
import { enter } from '../lib/enter';
import { useT } from '../lib/i18n';

export function Login({ ended }: { ended: boolean }) {
  const t = useT();
  const [token, setToken] = useState('');
  const [busy, setBusy] = useState(false);
  const [failed, setFailed] = useState(() => (sessionStorage.getItem('amic.link-used') ? t('This log-in link was used before or has expired. Ask for a new one.') : ''));
  const submit = (event: React.FormEvent) => {
    event.preventDefault();
    const text = token.trim();
    if (!text) return;
    setBusy(true);
    // A whole log-in link may be pasted as well.
    const code = /\/login#([\w-]+)$/.exec(text)?.[1];
    void enter(code ? { code } : { token: text })
      .then(() => sessionStorage.removeItem('amic.link-used'))
      .catch((error: unknown) => setFailed(words(error)))
      .finally(() => {
        setBusy(false);
        setToken('');
      });
  };
  return (
    <div className="login" role="dialog" aria-modal="true" aria-labelledby="login-title">
      <form onSubmit={submit}>
        <div className="brand"><Globe size={30} strokeWidth={1.6} aria-hidden /><div><b>AMIC</b><span>{t('Sovereign node')}</span></div></div>
        <h1 id="login-title">{ended ? t('Your session has ended') : t('Log in')}</h1>
        <p>{ended ? t('Log in again: everything on the screen is as you left it.') : t('Open the log-in link that your administrator gave you, or paste it or an access token here.')}</p>
        <label htmlFor="token">{t('Log-in link or access token')}</label>
        <div className="row-of">
          <input id="token" type="password" autoComplete="off" spellCheck={false} autoFocus value={token} onChange={(e) => setToken(e.target.value)} aria-invalid={!!failed} aria-describedby="login-note" />
          <button className="primary" disabled={busy || !token.trim()}><KeyRound size={15} aria-hidden /> {t('Log in')}</button>
        </div>
        <p id="login-note" role="alert" className="bad">{failed}</p>
        <small>{t('The token is sent to this node once and not kept in the browser. A session ends after 15 minutes without use and after 12 hours at most.')} <code>amic token link --dir DIR</code></small>
      </form>
    </div>
  );
}
