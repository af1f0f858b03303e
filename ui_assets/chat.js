/* What the Chat tab does in the browser: copying, keys, drafts, staying at the end while text arrives; what it shares
   with other tabs is in studio.js. Knows the tab's HTML (chat.html). What a click means is decided in Python; here it only becomes an event. */
window.StudioChat = (() => {
  'use strict';
  const WAITING = ['again', 'edit', 'show']; // what waits until the answer is written
  const LONG_MESSAGE_CHARS = 10_000;
  const DRAFT_KEY = 'qwen-vl-studio-draft';
  let aside = null; // what stood in the composer before an earlier message was put there to be edited
  const byId = (id) => document.getElementById(id);
  const isShown = () => byId('chat')?.offsetParent != null;

  /** Turn clicks on buttons inside `element` into events for Python, or do here what needs no server. */
  function mount(element, trigger) {
    element.addEventListener('click', (event) => {
      const button = event.target.closest('button[data-do]');
      if (!button) return;
      const action = button.dataset.do;
      if (WAITING.includes(action) && isWriting()) return; // a person with a keyboard reaches it all the same
      if (action === 'copy') copy(button, button.closest('[data-raw]').dataset.raw);
      else if (action === 'copy-code') copy(button, button.closest('.code').querySelector('pre').textContent);
      else if (action === 'forget' && !button.dataset.sure) askAgain(button);
      else if (action === 'large') showLarge(button, trigger);
      else if (action === 'seek') seek(button.dataset);
      else trigger(action, { ...button.dataset });
    });
    if (element.closest('#conversation')) keepPlaying(element, trigger);
  }

  const videosOf = (sha) => document.querySelectorAll(`#conversation video[data-sha="${sha}"]`);

  /** Play from a moment that an answer names. */
  function seek({ sha, start }) {
    const video = [...videosOf(sha)].at(-1);
    if (!video) return;
    video.currentTime = Number(start);
    video.play().catch(() => {}); // what cannot be played says so itself
    video.scrollIntoView({ block: 'nearest', behavior: 'smooth' });
  }

  const playing = new Map(); // by hash, for the conversation is written anew whenever an answer ends
  const unplayable = new Map(); // what was found out about videos that the browser cannot play, by hash

  /** Videos go on playing when the conversation is written anew; a copy takes the place of those that cannot. */
  function keepPlaying(element, trigger) {
    element.addEventListener('timeupdate', ({ target: video }) => {
      if (video.isConnected) playing.set(video.dataset.sha, { time: video.currentTime, paused: video.paused });
    }, true);
    element.addEventListener('pause', ({ target: video }) => {
      if (video.isConnected && playing.has(video.dataset.sha)) playing.get(video.dataset.sha).paused = true;
    }, true);
    element.addEventListener('error', ({ target: video }) => {
      if (video.tagName !== 'VIDEO') return;
      const { sha } = video.dataset;
      const isNew = !unplayable.has(sha);
      if (isNew) unplayable.set(sha, { note: 'This browser cannot play this video. A copy is being made that it can.' });
      else if (unplayable.get(sha).url) unplayable.set(sha, { note: 'This browser cannot play this video.' });
      showCopy(video);
      if (isNew) trigger('unplayable', { sha });
    }, true);
    new MutationObserver((changes) => {
      for (const node of changes.flatMap((change) => [...change.addedNodes])) {
        for (const video of node.querySelectorAll?.('video') ?? []) goOn(video);
      }
    }).observe(element, { childList: true, subtree: true });
  }

  function goOn(video) {
    if (unplayable.has(video.dataset.sha)) showCopy(video);
    const was = playing.get(video.dataset.sha);
    if (!was) return;
    video.currentTime = was.time;
    if (!was.paused) video.play().catch(() => {});
  }

  function showCopy(video) {
    const { note, url } = unplayable.get(video.dataset.sha);
    const place = video.parentElement.querySelector('.note');
    place.hidden = !note;
    place.textContent = note ?? '';
    if (url && video.getAttribute('src') !== url) video.src = url;
  }

  /** Python has made the copy, or could not. */
  function play(told) {
    const { sha, url, problem } = JSON.parse(told);
    unplayable.set(sha, url ? { url } : { note: `This browser cannot play this video. ${problem}` });
    videosOf(sha).forEach(showCopy);
  }

  /** The notes above the composer, which also say what a paste was too long for. */
  function mountNotes(element, trigger, maxChars) {
    mount(element, trigger);
    addEventListener('paste', (event) => {
      if (event.target !== composerText()) return;
      const { value, selectionStart, selectionEnd } = event.target;
      const pasted = event.clipboardData?.getData('text').length ?? 0;
      if (value.length - (selectionEnd - selectionStart) + pasted <= maxChars) return;
      event.preventDefault();
      event.stopImmediatePropagation();
      trigger('too_long', { length: pasted });
    }, true);
  }

  async function copy(button, text) {
    try {
      await navigator.clipboard.writeText(text);
    } catch {
      const area = document.body.appendChild(Object.assign(document.createElement('textarea'), { value: text }));
      area.select();
      document.execCommand('copy');
      area.remove();
    }
    button.classList.add('done');
    setTimeout(() => button.classList.remove('done'), 1200);
  }

  /** A first click on Delete asks, a second one within three seconds means it. */
  function askAgain(button) {
    button.dataset.sure = '1';
    setTimeout(() => delete button.dataset.sure, 3000);
  }

  /** Show the picture in the viewer, which becomes a dialog of its own; Python fills it. */
  function showLarge(button, trigger) {
    let dialog = byId('large-dialog');
    if (!dialog) {
      dialog = document.createElement('dialog');
      dialog.id = 'large-dialog';
      dialog.setAttribute('aria-label', 'Picture');
      dialog.innerHTML = '<button type="button" class="text-button" data-close>Close</button>';
      byId('chat').append(dialog);
      dialog.append(byId('large-picture'));
      dialog.addEventListener('click', (event) => {
        if (event.target === dialog || event.target.closest('[data-close]')) dialog.close();
      });
    }
    dialog.classList.toggle('has-results', 'index' in button.dataset);
    dialog.showModal();
    trigger('large', { ...button.dataset });
  }

  /** The conversation in the page's address, so that a reload or a bookmark shows it again; no welcome meanwhile. */
  function address(session) {
    const id = new URLSearchParams(location.search).get('c') ?? '';
    document.body.classList.toggle('opening', Boolean(id));
    return [session, id];
  }

  const opened = () => document.body.classList.remove('opening');

  function remember(id) {
    const url = new URL(location.href);
    if (id) url.searchParams.set('c', id);
    else url.searchParams.delete('c');
    if (url.href !== location.href) history.replaceState(history.state, '', url);
    document.body.classList.remove('show-list');
    return id;
  }

  /** Which pictures and videos are in the composer: changes only when they do, not with every letter. */
  function draftFiles(value) {
    markLong(value?.text ?? '');
    return (value?.files ?? []).map((file) => file.path).join('\n');
  }

  /** The text area fits its height to its text by trial, which takes seconds for a long one: fix it then. */
  const markLong = (text) => document.body.classList.toggle('long-message', text.length > LONG_MESSAGE_CHARS);

  function watchLength() {
    addEventListener('input', (event) => event.target === composerText() && markLong(event.target.value), true);
  }

  /** The file chooser offers pictures and videos; what is dropped or pasted is judged by its content. */
  function offerMedia(types) {
    addEventListener('click', (event) => {
      if (event.target.closest?.('#composer .upload-button')) byId('composer').querySelector('input[type=file]').accept = types;
    }, true);
  }

  /** How long the model has been silent, in whole seconds. */
  function countSeconds() {
    let since = null;
    setInterval(() => {
      const place = document.querySelector('#live [data-elapsed]');
      since = place ? (since ?? Date.now()) : null;
      const elapsed = place ? Math.floor((Date.now() - since) / 1000) : 0;
      if (elapsed) place.textContent = `· ${elapsed} s`;
    }, 500);
  }

  const isWriting = () => Boolean(document.querySelector('#live .turn-live'));

  /** What was sent leaves the composer; what was added there meanwhile stays. */
  function takeOut(sent, draft) {
    const { text, files } = JSON.parse(sent);
    return {
      text: draft.text.startsWith(text) ? draft.text.slice(text.length) : draft.text,
      files: draft.files.filter((file) => !files.includes(file.path)),
    };
  }

  /** An earlier message is going to be edited in the composer: keep what stands there. */
  function setAside(draft) {
    aside ??= draft;
  }

  /** The edit is over, sent or left: the composer takes back what stood there before. */
  function putBack(editedId) {
    if (editedId || !aside) return []; // nothing changes
    const before = aside;
    aside = null;
    return before;
  }

  function watchKeys() {
    addEventListener('keydown', (event) => {
      if (event.key !== 'Escape' || !isShown() || document.querySelector('dialog[open]')) return;
      if (document.body.matches('.show-list, .show-knobs')) document.body.classList.remove('show-list', 'show-knobs');
      else if (isWriting()) byId('composer').querySelector('.stop-button').click();
      else byId('editing')?.querySelector('[data-do="leave_edit"]')?.click();
    });
  }

  /** A message whose picture was left out for its size waits for a second Enter, so that nobody asks about nothing. */
  function holdBack() {
    const hold = (event) => {
      const note = document.querySelector('#chat-composer .left-out');
      if (!note || isWriting()) return;
      if (note.dataset.told) return note.remove();
      event.preventDefault();
      event.stopImmediatePropagation();
      note.dataset.told = '1';
      note.querySelector('span').append(' The message was not sent. Enter again sends it without.');
    };
    addEventListener('keydown', (event) => {
      if (event.target === composerText() && event.key === 'Enter' && !event.shiftKey && !event.isComposing) hold(event);
    }, true);
    addEventListener('click', (event) => event.target.closest?.('#composer .submit-button') && hold(event), true);
  }

  /** Run `start` as soon as the tab is in the page. */
  function whenThere(start) {
    if (byId('chat-scroll') && composerText()) start();
    else setTimeout(whenThere, 100, start);
  }

  const composerText = () => byId('composer')?.querySelector('textarea');

  /** Words that were not sent yet survive a reload, which the page does by itself after a restart of the program. */
  function keepDraft() {
    const text = composerText();
    const draft = sessionStorage.getItem(DRAFT_KEY);
    if (draft && !text.value) {
      text.value = draft;
      text.dispatchEvent(new Event('input', { bubbles: true }));
    }
    addEventListener('pagehide', () => sessionStorage.setItem(DRAFT_KEY, aside?.text ?? composerText()?.value ?? ''));
  }

  /** Keep the end of the conversation in view, unless the person scrolled up to read. */
  function followEnd() {
    const scroller = byId('chat-scroll');
    let follows = true;
    let frame = 0; // once a frame: every look at the height lays the conversation out
    const scroll = () => follows && scroller.querySelector('#conversation .turn') && (scroller.scrollTop = scroller.scrollHeight);
    const toEnd = () => {
      cancelAnimationFrame(frame);
      frame = requestAnimationFrame(scroll);
    };
    // The browser scrolls by itself when the layout moves: only what follows on a person's doing is theirs.
    let touched = -Infinity;
    const touch = ({ type, key }) => {
      if (type !== 'keydown' || ['PageUp', 'ArrowUp', 'Home'].includes(key)) touched = performance.now();
    };
    for (const type of ['wheel', 'touchmove', 'pointerdown', 'keydown']) scroller.addEventListener(type, touch, { passive: true });
    scroller.addEventListener('scroll', () => {
      const isAtEnd = scroller.scrollHeight - scroller.scrollTop - scroller.clientHeight < 48;
      const isTheirs = performance.now() - touched < 500;
      if (isTheirs) touched = performance.now(); // one turn of a wheel goes on for a while
      if (isAtEnd || isTheirs) follows = isAtEnd;
    });
    new MutationObserver(toEnd).observe(scroller, { childList: true, subtree: true, characterData: true });
    new ResizeObserver(toEnd).observe(scroller); // notes and a long draft take room from it
    scroller.addEventListener('load', toEnd, true);
    const sent = () => {
      follows = true;
      touched = -Infinity;
      toEnd();
    };
    byId('composer')?.addEventListener('keydown', (event) => event.key === 'Enter' && !event.shiftKey && sent());
    addEventListener('click', (event) => event.target.closest?.('#composer .submit-button') && sent(), true);
  }

  Studio.watchFiles('chat', 'composer', true);
  watchKeys();
  watchLength();
  holdBack();
  countSeconds();
  whenThere(followEnd);
  whenThere(keepDraft);
  return { mount, mountNotes, offerMedia, play, address, opened, remember, draftFiles, takeOut, setAside, putBack };
})();

/* The side panel. An offer is what Python says of the loaded model's preset: updates of the widgets, in their order. */
window.StudioKnobs = (() => {
  'use strict';

  /** Set the panel to the preset, and remember how it was set. */
  function take(offer) {
    if (!offer) return [];
    const { preset, chosen } = JSON.parse(offer);
    return [preset, JSON.stringify(chosen.map((update) => update.value)), ...chosen];
  }

  /** The same unless somebody has set a widget since; then only the bounds are the model's. */
  function takeUnlessSet(offer, placed, ...values) {
    if (!offer || JSON.parse(placed).every((value, index) => value === values[index])) return take(offer);
    const { preset, chosen } = JSON.parse(offer);
    return [preset, placed, ...chosen.map(({ value, ...bounds }) => bounds)];
  }

  return { take, takeUnlessSet };
})();
