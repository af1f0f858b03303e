/* The frame of the page: light and dark, drawers on narrow screens, the list of keys. And what tabs share: clicks that
   become events for Python, files dropped or pasted, saving an export. */
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
  function start(maxUploadMb) {
    keepOutTooLarge(maxUploadMb);
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
    dismiss: (button) => button.closest('p').remove(),
  };

  addEventListener('click', (event) => {
    if (event.target.closest?.('#chat-main') && !event.target.closest('[data-page]')) {
      document.body.classList.remove('show-list', 'show-knobs');
    }
    const button = event.target.closest?.('[data-page]');
    actions[button?.dataset.page]?.(button);
  });
  addEventListener('keydown', (event) => {
    if (event.key === '?' && !event.defaultPrevented && !event.target.closest?.('input, textarea, [contenteditable]')) actions.keys();
  });

  /** Turn clicks on buttons inside `element` into events for Python. */
  function mount(element, trigger) {
    element.addEventListener('click', (event) => {
      const button = event.target.closest('button[data-do]');
      if (button) trigger(button.dataset.do, { ...button.dataset });
    });
  }

  /** Let the browser save a file that Python has written. */
  function save(file) {
    const link = { href: file?.url, download: file?.orig_name ?? '' };
    if (file) Object.assign(document.createElement('a'), link).click();
    return [];
  }

  /** Hand files that were dropped or pasted to the file input of an upload button or a composer. */
  function addFiles(taker, files) {
    const input = document.getElementById(taker)?.parentElement.querySelector('input[type=file]');
    if (!input || !files.length) return;
    const transfer = new DataTransfer();
    for (const file of files) transfer.items.add(file);
    input.files = transfer.files;
    input.dispatchEvent(new Event('change', { bubbles: true }));
  }

  /** The files of a dropped file or folder, also further down, without those that a system hides there. */
  async function filesIn(entry) {
    if (entry.isFile) return entry.name.startsWith('.') ? [] : [await new Promise((done, fail) => entry.file(done, fail))];
    const reader = entry.createReader();
    const inside = [];
    for (;;) {
      const some = await new Promise((done, fail) => reader.readEntries(done, fail)); // a hundred at a time
      if (!some.length) break;
      inside.push(...some);
    }
    return (await Promise.all(inside.map(filesIn))).flat();
  }

  /** While the tab with the id `tab` is shown, files dropped or pasted anywhere go to the file input of `taker`, which may
      take by itself (`takesDrops`) what is dropped or pasted right there. */
  function watchFiles(tab, taker, takesDrops = false) {
    const isShown = () => document.getElementById(tab)?.offsetParent != null;
    const hasFiles = (event) => isShown() && [...(event.dataTransfer?.types ?? [])].includes('Files');
    const isTaken = (event) => takesDrops && document.getElementById(taker)?.contains(event.target);
    let depth = 0;
    const mark = (change) => {
      depth = Math.max(0, depth + change);
      document.getElementById(tab)?.classList.toggle('is-dropping', depth > 0);
    };
    addEventListener('dragenter', (event) => hasFiles(event) && mark(1));
    addEventListener('dragleave', (event) => hasFiles(event) && mark(-1));
    addEventListener('dragover', (event) => hasFiles(event) && event.preventDefault());
    addEventListener('drop', () => mark(-depth), true); // also of what is kept out
    addEventListener('drop', (event) => {
      if (!hasFiles(event) || isTaken(event)) return;
      event.preventDefault();
      // Entries are there only as long as the event is.
      const entries = [...event.dataTransfer.items].map((item) => item.webkitGetAsEntry?.()).filter(Boolean);
      if (!entries.some((entry) => entry.isDirectory)) addFiles(taker, event.dataTransfer.files);
      else Promise.all(entries.map(filesIn)).then((files) => addFiles(taker, files.flat()));
    });
    addEventListener('paste', (event) => {
      if (isShown() && !isTaken(event) && event.clipboardData?.files.length) addFiles(taker, event.clipboardData.files);
    });
  }

  /** A file that is too large stays out before it is sent, wherever it is chosen, dropped or pasted. */
  function keepOutTooLarge(maxMb) {
    const fits = (file) => file.size <= maxMb * 2 ** 20;

    const keepOut = (event, files, again) => {
      const large = [...files].filter((file) => !fits(file));
      if (!large.length) return;
      event.preventDefault();
      event.stopImmediatePropagation();
      const rest = new DataTransfer();
      for (const file of files) if (fits(file)) rest.items.add(file);
      again(rest);
      tellLeftOut(event.target, large, maxMb);
    };

    addEventListener('change', (event) => {
      const input = event.target;
      if (input.type !== 'file') return;
      keepOut(event, input.files, (rest) => {
        input.files = rest.files; // none: the same file can be chosen once more
        if (rest.files.length) input.dispatchEvent(new Event('change', { bubbles: true }));
      });
    }, true);
    for (const [name, Kind, data] of [['drop', DragEvent, 'dataTransfer'], ['paste', ClipboardEvent, 'clipboardData']]) {
      addEventListener(name, (event) => keepOut(event, event[data]?.files ?? [], (rest) => {
        event.target.dispatchEvent(new Kind(name, { [data]: rest, bubbles: true, cancelable: true }));
      }), true);
    }
  }

  function tellLeftOut(target, files, maxMb) {
    const [{ name, size }] = files;
    const megabytes = Math.ceil((10 * size) / 2 ** 20) / 10;
    const what = files.length > 1 ? `“${name}” and ${files.length - 1} more were` : `“${name}”, ${megabytes} MB, was`;
    const note = document.getElementById('left-out-note').content.firstElementChild.cloneNode(true);
    note.querySelector('span').textContent =
      `${what} left out: a file may have up to ${maxMb} MB. Make it smaller, or start the program with a larger --max-upload-mb.`;
    document.querySelector('.left-out')?.remove();
    const tab = [...document.querySelectorAll('#chat-composer, #ground-intake, #document-intake, #video-intake')];
    (tab.find((place) => place.contains(target)) ?? tab.find((place) => place.offsetParent))?.prepend(note);
    note.scrollIntoView({ block: 'nearest' });
  }

  return { start, mount, save, addFiles, watchFiles };
})();
