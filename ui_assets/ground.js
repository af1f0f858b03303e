/* What the Ground tab does in the browser: pictures dropped or pasted anywhere in the tab, Esc, saving an export.
   Knows the tab's HTML (ground.html). What a click means is decided in Python; here it only becomes an event. */
window.StudioGround = (() => {
  'use strict';
  const byId = (id) => document.getElementById(id);
  const isShown = () => byId('ground')?.offsetParent != null;

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

  /** Hand files that were dropped or pasted to the file input of "Choose pictures". */
  function addFiles(files) {
    const input = byId('ground-choose')?.parentElement.querySelector('input[type=file]');
    if (!input || !files.length) return;
    const transfer = new DataTransfer();
    for (const file of files) transfer.items.add(file);
    input.files = transfer.files;
    input.dispatchEvent(new Event('change', { bubbles: true }));
  }

  const hasFiles = (event) => isShown() && [...(event.dataTransfer?.types ?? [])].includes('Files');

  function watchDrops() {
    let depth = 0;
    const mark = (change) => {
      depth = Math.max(0, depth + change);
      byId('ground')?.classList.toggle('is-dropping', depth > 0);
    };
    addEventListener('dragenter', (event) => hasFiles(event) && mark(1));
    addEventListener('dragleave', (event) => hasFiles(event) && mark(-1));
    addEventListener('dragover', (event) => hasFiles(event) && event.preventDefault());
    addEventListener('drop', (event) => {
      if (!hasFiles(event)) return;
      event.preventDefault();
      mark(-depth);
      addFiles(event.dataTransfer.files);
    });
    addEventListener('paste', (event) => {
      if (isShown() && event.clipboardData?.files.length) addFiles(event.clipboardData.files);
    });
  }

  addEventListener('keydown', (event) => {
    if (!isShown() || document.querySelector('dialog[open]')) return;
    if (event.key === 'Escape') byId('ground-stop')?.click();
    if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) byId('ground-run')?.click();
  });
  watchDrops();
  return { mount, save };
})();
