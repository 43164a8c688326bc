import './styles/fonts.css';
import { createRoot } from 'react-dom/client';
import { App } from './app';
import { enter, resume } from './lib/enter';
import { session } from './lib/session';
import './styles/base.css';
import './styles/shell.css';
import './styles/watch.css';
import './styles/screens.css';

// A log-in link carries its code behind '#': it was sent to nobody, and leaves the address at once.
async function begin(): Promise<void> {
  const code = location.pathname === '/login' ? location.hash.slice(1) : '';
  if (location.hash) history.replaceState(null, '', location.pathname + location.search);
  if (!code) return resume();
  try {
    await enter({ code });
    history.replaceState(null, '', '/watch');
    dispatchEvent(new PopStateEvent('popstate'));
  } catch {
    sessionStorage.setItem('amic.link-used', '1'); // the log-in says so, if it is needed at all
    await resume();
    if (session.get().status === 'in') sessionStorage.removeItem('amic.link-used');
  }
}

void begin();
const root = document.getElementById('root');
if (root) createRoot(root).render(<App />);
