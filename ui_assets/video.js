/* What the Video tab does in the browser: events of the thread and of the timeline point at each other, the thread stays
   at its end, keys of the whole tab. Knows the tab's HTML (video.html) and the timeline. What a click means is decided in
   Python; here it only becomes an event. */
window.StudioVideo = (() => {
  'use strict';
  const byId = (id) => document.getElementById(id);
  const isShown = () => byId('video')?.offsetParent != null;
  const timeline = () => document.querySelector('#video-timeline .st')?.timeline;
  const eventOf = (node) => node.closest?.('.vt-event');

  /* -- The thread -- */

  function mountThread(element, trigger) {
    Studio.mount(element, trigger);
    element.addEventListener('click', (event) => {
      const row = eventOf(event.target);
      if (row) timeline()?.play(Number(row.dataset.event));
    });
    element.addEventListener('pointerover', (event) => timeline()?.heatEvent(eventOf(event.target)?.dataset.event));
    element.addEventListener('pointerleave', () => timeline()?.heatEvent());
    element.addEventListener('keydown', walk);
    stayAtEnd(element);
  }

  /** Up and down go through the events of the thread. */
  function walk(event) {
    const row = eventOf(event.target);
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (!row || !step) return;
    const rows = [...document.querySelectorAll('#video-thread .vt-event')];
    rows[rows.indexOf(row) + step]?.focus();
    event.preventDefault();
    event.stopPropagation();
  }

  /** What comes is seen as long as nobody has scrolled up. */
  function stayAtEnd(element) {
    const frame = byId('video-thread');
    let isAtEnd = true;
    frame.addEventListener('scroll', () => {
      isAtEnd = frame.scrollHeight - frame.scrollTop - frame.clientHeight < 48;
    });
    new MutationObserver(() => {
      if (isAtEnd) frame.scrollTop = frame.scrollHeight;
      mark();
    }).observe(element, { childList: true, subtree: true });
  }

  let marked = { hot: [], active: [] };

  /** Show in the thread what is hot and what is chosen on the timeline. */
  function mark() {
    for (const row of document.querySelectorAll('#video-thread .vt-event')) {
      const id = Number(row.dataset.event);
      row.classList.toggle('is-hot', marked.hot.includes(id));
      row.classList.toggle('is-active', marked.active.includes(id));
    }
  }

  addEventListener('st-mark', (event) => {
    marked = event.detail;
    mark();
  });

  /* -- Keys of the whole tab; those of the player are the timeline's -- */

  addEventListener('keydown', (event) => {
    if (!isShown() || document.querySelector('dialog[open]') || event.defaultPrevented) return;
    if (event.key === 'Escape' && document.querySelector('#video [data-running]')) byId('video-stop').click();
    if (event.key === 'Enter' && (event.ctrlKey || event.metaKey) && byId('video-run').offsetParent) byId('video-run').click();
  });
  Studio.watchFiles('video', 'video-choose');
  return { mount: Studio.mount, mountThread };
})();
