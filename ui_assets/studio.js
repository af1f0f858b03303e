/* The frame of the page: light and dark, drawers on narrow screens, the list of keys. */
window.Studio = (() => {
  'use strict';
  const THEME_KEY = 'qwen-vl-studio-theme';

  function applyTheme(theme) {
    document.body.classList.toggle('dark', theme === 'dark');
  }

  function toggleTheme() {
    const theme = document.body.classList.contains('dark') ? 'light' : 'dark';
    localStorage.setItem(THEME_KEY, theme);
    applyTheme(theme);
  }

  /** The system's choice unless the person made one; Gradio sets its own when it starts, so this comes after. */
  function start() {
    const system = matchMedia('(prefers-color-scheme: dark)');
    const apply = () => applyTheme(localStorage.getItem(THEME_KEY) ?? (system.matches ? 'dark' : 'light'));
    apply();
    system.addEventListener('change', apply);
  }

  /** At most one drawer is open; a click beside it closes it. */
  function toggleDrawer(name) {
    const opens = !document.body.classList.contains(name);
    document.body.classList.remove('show-list', 'show-knobs');
    document.body.classList.toggle(name, opens);
  }

  const actions = {
    theme: toggleTheme,
    list: () => toggleDrawer('show-list'),
    knobs: () => toggleDrawer('show-knobs'),
    keys: () => document.getElementById('keys')?.showModal(),
    'close-keys': () => document.getElementById('keys')?.close(),
  };

  addEventListener('click', (event) => {
    if (event.target.closest?.('#chat-main') && !event.target.closest('[data-page]')) {
      document.body.classList.remove('show-list', 'show-knobs');
    }
    actions[event.target.closest?.('[data-page]')?.dataset.page]?.();
  });
  addEventListener('keydown', (event) => {
    if (event.key === '?' && !event.defaultPrevented && !event.target.closest?.('input, textarea, [contenteditable]')) actions.keys();
  });
  return { start };
})();
