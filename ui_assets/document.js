/* What the Document tab does in the browser: the blocks of a page and their places on its picture point at each other,
   blocks and fields are corrected in place, page numbers in answers jump, keys. Knows the tab's HTML (document.html) and
   the viewer. What a click means is decided in Python; here it only becomes an event. */
window.StudioDocument = (() => {
  'use strict';
  const byId = (id) => document.getElementById(id);
  const isShown = () => byId('document')?.offsetParent != null;
  const viewer = () => document.querySelector('#document-viewer .sv')?.viewer;
  const regionOf = (block) => (block?.dataset.region === undefined ? null : Number(block.dataset.region));
  const blocks = () => [...document.querySelectorAll('#document-result .doc-block')];

  /* -- The strip: a click shows a page, with Ctrl it chooses one, with Shift all up to there -- */

  function mountStrip(element, trigger) {
    // A page that cannot be drawn has an empty place, and why is said when it is shown.
    element.addEventListener('error', (event) => { event.target.style.visibility = 'hidden'; }, true);
    element.addEventListener('click', (event) => {
      const button = event.target.closest('button[data-do]');
      if (!button) return;
      const { place } = button.dataset;
      const chooses = event.ctrlKey || event.metaKey || event.shiftKey;
      trigger(chooses ? 'choose' : button.dataset.do, { place, up_to: event.shiftKey });
    });
  }

  /** Keep the page that is shown in sight, scrolling nothing but the strip. */
  function followStrip() {
    const strip = byId('document-strip');
    if (!strip) return;
    let shown = null;
    new MutationObserver(() => {
      const current = strip.querySelector('.doc-page.is-current');
      if (!current || current.dataset.place === shown) return;
      shown = current.dataset.place;
      scrollTo(strip, current);
    }).observe(strip, { childList: true, subtree: true });
  }

  function scrollTo(frame, item) {
    const [outer, inner] = [frame.getBoundingClientRect(), item.getBoundingClientRect()];
    if (inner.top < outer.top) frame.scrollTop += inner.top - outer.top - 8;
    else if (inner.bottom > outer.bottom) frame.scrollTop += Math.min(inner.bottom - outer.bottom + 8, inner.top - outer.top - 8);
    if (inner.left < outer.left) frame.scrollLeft += inner.left - outer.left - 8;
    else if (inner.right > outer.right) frame.scrollLeft += inner.right - outer.right + 8;
  }

  /* -- What was read -- */

  function mountResult(element, trigger) {
    element.addEventListener('click', (event) => {
      const link = event.target.closest('a[href^="#page-"]');
      if (link) {
        event.preventDefault();
        trigger('pick', { place: Number(link.hash.slice('#page-'.length)) - 1 });
      } else if (event.target.closest('[data-edit]')) {
        edit(event.target.closest('.doc-block'), trigger);
      } else if (event.target.closest('button[data-do="pick"]')) {
        trigger('pick', { place: event.target.closest('button').dataset.place });
      }
    });
    element.addEventListener('dblclick', (event) => edit(event.target.closest('.doc-block, .doc-cell'), trigger));
    element.addEventListener('keydown', (event) => key(event, trigger));
    element.addEventListener('pointerover', (event) => viewer()?.heat(regionOf(event.target.closest('.doc-block'))));
    element.addEventListener('pointerleave', () => viewer()?.heat(null));
    element.addEventListener('focusin', (event) => viewer()?.choose(regionOf(event.target.closest('.doc-block'))));
  }

  function key(event, trigger) {
    const item = event.target;
    if (!item.matches('.doc-block, .doc-cell')) return;
    if (event.key === 'Enter') edit(item, trigger);
    else if (!item.matches('.doc-block') || !/^(ArrowUp|ArrowDown|Home|End)$/.test(event.key)) return;
    else step(item, event.key);
    event.preventDefault();
  }

  function step(block, name) {
    const all = blocks();
    const place = all.indexOf(block);
    const next = { ArrowUp: place - 1, ArrowDown: place + 1, Home: 0, End: all.length - 1 }[name];
    all[Math.min(Math.max(next, 0), all.length - 1)].focus();
  }

  /** Show in the text what is hot and what is chosen on the picture. */
  function mark({ target, detail: { hot, active } }) {
    if (!target.closest('#document-viewer')) return;
    const frame = byId('document-side');
    const isElsewhere = !frame?.matches(':hover') && !frame?.contains(document.activeElement);
    for (const block of blocks()) {
      const region = regionOf(block);
      block.classList.toggle('is-hot', region !== null && region === hot);
      block.classList.toggle('is-active', region !== null && region === active);
      if (isElsewhere && region !== null && region === (hot ?? active)) scrollTo(frame, block);
    }
  }

  /* -- Correcting: Ctrl+Enter or leaving keeps it, Esc does not -- */

  function edit(box, trigger) {
    if (!box || box.classList.contains('is-editing') || box.closest('.is-streaming')) return;
    const { source, place, at, name } = box.dataset;
    const isCell = box.matches('.doc-cell');
    const area = document.createElement(isCell ? 'input' : 'textarea');
    area.value = source;
    area.setAttribute('aria-label', 'Correction');
    let isOver = false; // taking the focus away ends it too
    const end = (keeps) => {
      if (isOver) return;
      isOver = true;
      box.classList.remove('is-editing');
      const text = area.value;
      area.remove();
      box.focus({ preventScroll: true });
      if (keeps && text !== source) trigger(isCell ? 'field' : 'correct', { place, at, name, text });
    };
    area.addEventListener('blur', () => end(true));
    area.addEventListener('keydown', (event) => {
      if (event.key === 'Escape') end(false);
      else if (event.key === 'Enter' && (isCell || event.ctrlKey || event.metaKey)) end(true);
      else return event.stopPropagation();
      event.preventDefault();
      event.stopPropagation();
    });
    trigger('stay', {});
    box.classList.add('is-editing');
    box.append(area);
    if (!isCell) area.style.height = `${Math.min(area.scrollHeight + 4, 400)}px`;
    area.focus();
  }

  /* -- Keys of the whole tab -- */

  const press = (selector) => {
    const button = document.querySelector(`#document ${selector}`);
    if (!button || button.disabled || !button.offsetParent) return false;
    button.click();
    return true;
  };

  /** Stop counts as soon as something runs, whether or not its button is in sight. */
  function stop() {
    if (document.querySelector('#document [data-running]')) byId('document-stop').click();
  }

  /** What is read stays one thing until its end. */
  function settleWhileRunning(element) {
    const settled = ['document-mode', 'document-kind', 'document-fields', 'document-options'];
    new MutationObserver(() => {
      const isRunning = Boolean(element.querySelector('[data-running]'));
      for (const id of settled) byId(id)?.toggleAttribute('inert', isRunning);
    }).observe(element, { childList: true, subtree: true });
  }

  function tabKey(event) {
    if (!isShown() || document.querySelector('dialog[open]') || event.defaultPrevented) return;
    const control = event.ctrlKey || event.metaKey;
    const isWriting = event.target.closest?.('input, textarea, [contenteditable]');
    if (event.key === 'Escape') stop();
    else if (event.key === 'Enter' && control) press('#document-read') || press('#document-ask-button');
    else if (isWriting) return;
    else if (event.key === 'z' && control && press('.doc-tools [data-do="undo"]')) event.preventDefault();
    else if (event.key === 'PageDown' && press('.doc-tools [aria-label="Next page"]')) event.preventDefault();
    else if (event.key === 'PageUp' && press('.doc-tools [aria-label="Page before"]')) event.preventDefault();
  }

  addEventListener('sv-mark', mark);
  addEventListener('keydown', tabKey);
  Studio.watchFiles('document', 'document-choose');
  return { mount: Studio.mount, mountStrip, mountResult, followStrip, settleWhileRunning };
})();
