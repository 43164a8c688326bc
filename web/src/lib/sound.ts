// The alarm, made by the browser itself. Browsers give sound only after a first key or click.
import { store } from './store';

let context: AudioContext | null = null;
export const audible = store(false);

function unlock(): void {
  context ??= new AudioContext();
  void context.resume().then(() => audible.set(context?.state === 'running'));
}
for (const name of ['pointerdown', 'keydown']) addEventListener(name, unlock, { once: true });

// Two tones, three times; the middle of the band in which people hear best.
export function alarm(): void {
  if (!context || context.state !== 'running') return;
  const begin = context.currentTime + 0.02;
  for (let i = 0; i < 6; ++i) {
    const tone = context.createOscillator();
    const volume = context.createGain();
    tone.type = 'square';
    tone.frequency.value = i % 2 === 0 ? 880 : 660;
    const at = begin + i * 0.22;
    volume.gain.setValueAtTime(0, at);
    volume.gain.linearRampToValueAtTime(0.12, at + 0.02);
    volume.gain.linearRampToValueAtTime(0, at + 0.2);
    tone.connect(volume).connect(context.destination);
    tone.start(at);
    tone.stop(at + 0.22);
  }
}
