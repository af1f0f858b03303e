/* The video with its timeline: plays it, draws the frames that the model saw at their places, the events found and the
 * boxes of tracked things, and lets a person choose a part. Knows the value that `app/timeline.py` describes. Does not
 * know models or where videos come from. Its parts are in `timeline_parts.js`, changing events in `timeline_edit.js`.
 *
 * Every label is untrusted: it reaches the page through `textContent` and nothing else.
 */
(() => {
  'use strict';

  const { Tags, create, shape, setAttribute, pool, clamp, keyName, showKeys, receiver, geometry } = window.StudioViewer;
  const { clock, whenWords, tickStep, itemsOf, rowsOf, boxAt, fitted, EventEditor } = window.StudioTimeline;
  const COLORS = 12; // as many as app/palette.py has
  const ROW_PX = 28; // height of an event with the gap below it, the same in timeline.css
  const NAME_PX = 22; // height of the name above a group of events, the same in timeline.css
  const FRAME_PX = 56; // height of a frame on the timeline, the same in timeline.css
  const EVENT_MIN_PX = 10;
  const SHORT_PX = 64; // marks of both ends would leave no room for a name
  const MOMENT_PX = 168; // what a moment takes up in its row at the most: its name stands beside it
  const DRAG_PX = 4; // a shorter drag is a click
  const DOUBLE_CLICK_MS = 400;
  const LEAST_SHOWN_S = 2; // at the largest zoom
  const PACES = [0.25, 0.5, 1, 1.5, 2, 4];

  const EMPTY = {
    ...{ src: '', poster: '', name: '', size_wh: [0, 0], duration_s: 0, fps: 0 },
    ...{ events: [], lanes: [], labels: [], range_s: null, streaming: false, word: '' },
  };

  class Timeline {
    constructor(root, port) {
      this.root = root;
      this.port = port;
      this.value = EMPTY;
      this.frames = []; // [seconds, address] of what the model saw
      this.items = [];
      this.active = null; // id of the item chosen by click or key
      this.hot = null; // id under the pointer
      this.zoom = 1;
      this.startS = 0; // of the first picture, on the player's clock
      this.find();
      this.tags = new Tags(this.parts.tags);
      this.editor = new EventEditor(this);
      this.listen();
    }

    find() {
      const names = ['stage', 'video', 'overlay', 'tags', 'word', 'play', 'clock', 'pace', 'mute', 'scroll', 'line', 'head', 'ruler',
        'frames', 'range', 'lanes', 'playhead', 'card', 'details'];
      this.parts = Object.fromEntries(names.map((name) => [name, this.root.querySelector(`.st-${name}`)]));
      for (const name of ['live', 'keys', 'scale', 'casings', 'lines']) this.parts[name] = this.root.querySelector(`.sv-${name}`);
    }

    /* -- Receiving a value -- */

    show(value) {
      const before = this.value;
      this.value = value;
      this.sent = null;
      if (value.src !== before.src) this.load();
      this.tell(value.src ? '' : value.word);
      this.editor.received(before);
      const { active } = this;
      this.forget(before);
      this.refresh();
      const isEnd = before.streaming && !value.streaming;
      if (isEnd) this.say(this.count());
      // What was chosen while an answer came, and what is let go of now, Python does not know yet.
      if (this.active !== active || (isEnd && active !== null)) this.tellChosen();
    }

    /** An id is a place among the events: where another one stands there now, nobody chose that. Nor does a choice outlast
     *  another question: its answer is the one to export then. */
    forget(before) {
      if (this.value.lanes.length !== before.lanes.length) this.active = null;
      const [was, is] = [before, this.value].map(({ events }) => events[this.active]);
      if (was?.lane !== is?.lane || was?.label !== is?.label || was?.start_s !== is?.start_s) this.active = null;
      this.hot = null;
    }

    load() {
      const { video } = this.parts;
      this.zoom = 1;
      this.active = null;
      this.failedAt = '';
      this.startS = 0;
      video.poster = this.value.poster;
      if (this.value.src) video.src = this.value.src;
      else video.removeAttribute('src');
      video.load();
      this.findStart(this.value.src);
      setAttribute(video, 'aria-label', this.value.name || 'Video');
      this.parts.stage.style.setProperty('--aspect', String(this.value.size_wh[0] / this.value.size_wh[1] || 16 / 9));
    }

    /** Where the pictures begin after the sound, the player's clock starts with the sound: then the first picture that it
     *  shows is from later than now. All other times here count from the first picture. */
    findStart(src) {
      const { video } = this.parts;
      video.requestVideoFrameCallback?.((_, { mediaTime }) => {
        if (src === this.value.src && mediaTime > video.currentTime + 0.001) this.startS = mediaTime;
      });
    }

    /** The browser cannot play what it was given: Python may make something that it can. */
    failed() {
      const { src } = this.value;
      if (!src || this.failedAt === src) return;
      this.failedAt = src;
      this.port.fail(src);
    }

    /** A sentence in the place of the picture. */
    tell(words) {
      this.parts.word.textContent = words;
      this.parts.word.hidden = !words;
    }

    takeFrames(frames) {
      this.frames = frames;
      this.drawFrames();
    }

    /** Another list of events in the making, as while one is dragged. */
    preview(events) {
      this.value = { ...this.value, events };
      this.refresh();
    }

    refresh() {
      this.items = itemsOf(this.value.events, this.value.lanes);
      if (!this.item(this.active)) this.active = null;
      this.drawTime();
      this.drawFrames();
      this.drawRange();
      this.editor.drawDetails();
      this.editor.drawTools();
      this.drawNow();
    }

    item(id) {
      return id === null ? undefined : this.items.find((item) => item.id === id);
    }

    color(label) {
      return `sv-c${Math.max(this.value.labels.indexOf(label), 0) % COLORS}`;
    }

    count() {
      return this.items.length === 1 ? '1 event' : `${this.items.length} events`;
    }

    say(words) {
      this.parts.live.textContent = words;
    }

    /** What is on the screen goes to Python, with the event that is chosen in it. */
    send(port) {
      this.sent = JSON.stringify({ ...this.value, chosen: this.active });
      this.port[port](this.sent);
    }

    /* -- Time and place -- */

    get duration() {
      return this.value.duration_s || 0;
    }

    get now() {
      return Math.max(this.parts.video.currentTime - this.startS, 0);
    }

    get pxPerS() {
      return (this.parts.line.clientWidth || 1) / (this.duration || 1);
    }

    percent(seconds) {
      return `${(100 * seconds) / (this.duration || 1)}%`;
    }

    timeAt(event) {
      const { left, width } = this.parts.line.getBoundingClientRect();
      return clamp(((event.clientX - left) / (width || 1)) * this.duration, 0, this.duration);
    }

    seek(seconds, plays = false) {
      const { video } = this.parts;
      video.currentTime = clamp(seconds, 0, this.duration) + this.startS;
      if (plays) video.play().catch(() => {}); // the browser may want a click first, or the file be no good
      this.drawNow();
      this.reveal(seconds);
    }

    /** Bring a moment into sight when the timeline is zoomed. */
    reveal(seconds) {
      const { scroll } = this.parts;
      const x = seconds * this.pxPerS;
      if (x < scroll.scrollLeft || x > scroll.scrollLeft + scroll.clientWidth - 8) scroll.scrollLeft = x - scroll.clientWidth / 4;
    }

    zoomBy(factor, event) {
      const { scroll, line } = this.parts;
      const at = event ? this.timeAt(event) : this.now;
      const x = at * this.pxPerS - scroll.scrollLeft;
      this.zoom = clamp(this.zoom * factor, 1, Math.max(this.duration / LEAST_SHOWN_S, 1));
      line.style.width = `${this.zoom * 100}%`;
      this.drawTime();
      this.drawFrames();
      scroll.scrollLeft = at * this.pxPerS - clamp(x, 0, scroll.clientWidth);
    }

    /* -- Drawing -- */

    /** What depends on zoom and width: ruler and rows. */
    drawTime() {
      if (!this.parts.scroll.clientWidth) return;
      const shown = this.zoom < 10 ? Math.round(this.zoom * 10) / 10 : Math.round(this.zoom);
      this.parts.scale.textContent = `${shown}×`;
      this.drawRuler();
      this.drawLanes();
    }

    drawRuler() {
      const { scroll, ruler } = this.parts;
      const step = tickStep(this.pxPerS);
      const first = Math.max(Math.floor(scroll.scrollLeft / this.pxPerS / step), 0);
      const last = Math.min(Math.ceil((scroll.scrollLeft + scroll.clientWidth) / this.pxPerS / step), this.duration / step);
      const nodes = pool(ruler, this.duration ? Math.max(Math.floor(last) - first + 1, 0) : 0, () => create('span'));
      for (let i = 0; i < nodes.length; i++) {
        const seconds = (first + i) * step;
        nodes[i].textContent = clock(seconds, step < 1 ? 1 : 0);
        nodes[i].style.left = this.percent(seconds);
      }
    }

    /** Each frame from its moment on, until the next one or as wide as it is; the last as long as the one before. */
    drawFrames() {
      const nodes = pool(this.parts.frames, this.frames.length, () => create('img', 'st-frame'));
      const [width, height] = this.value.size_wh;
      const natural = (FRAME_PX * width) / height || FRAME_PX;
      this.frames.forEach(([seconds, address], i) => {
        const until = this.frames[i + 1]?.[0] ?? Math.min(2 * seconds - this.frames[i - 1][0], this.duration);
        const node = nodes[i];
        if (node.getAttribute('src') !== address) Object.assign(node, { src: address, alt: '', draggable: false });
        node.style.left = this.percent(seconds);
        node.style.width = `min(${this.percent(Math.max(until - seconds, 0))}, ${natural}px)`;
      });
    }

    drawLanes() {
      const lanes = this.value.lanes
        .map(({ title }, place) => ({ title, items: this.items.filter((item) => item.lane === place) }))
        .filter(({ items }) => items.length);
      const nodes = pool(this.parts.lanes, lanes.length, Timeline.lane);
      lanes.forEach((lane, i) => this.fillLane(nodes[i], lane));
      this.mark();
    }

    static lane() {
      const lane = create('div', 'st-lane');
      lane.append(create('p'), create('div'));
      return lane;
    }

    fillLane(node, { title, items }) {
      const [name, track] = node.children;
      name.textContent = title;
      const rows = rowsOf(items, (item) => this.spanPx(item));
      track.style.height = `${ROW_PX * (Math.max(-1, ...rows) + 1)}px`;
      const nodes = pool(track, items.length, Timeline.bar);
      items.forEach((item, i) => this.fillBar(nodes[i], item, rows[i]));
    }

    spanPx(item) {
      const left = item.start_s * this.pxPerS;
      if (this.isTurned(item)) return [left - MOMENT_PX, left + 8];
      const least = item.end_s > item.start_s ? EVENT_MIN_PX + 2 : MOMENT_PX;
      return [left - 4, Math.max(item.end_s * this.pxPerS + 2, left + least)];
    }

    /** Whether the name of a moment stands on its left, for want of room. */
    isTurned(item) {
      const right = item.start_s * this.pxPerS + MOMENT_PX;
      return item.end_s <= item.start_s && right > this.parts.line.clientWidth && item.start_s * this.pxPerS > MOMENT_PX;
    }

    static bar() {
      const bar = create('button');
      bar.type = 'button';
      bar.append(create('i'), create('span'), create('i'));
      bar.firstChild.dataset.grip = 'start';
      bar.lastChild.dataset.grip = 'end';
      return bar;
    }

    fillBar(bar, item, row) {
      bar.dataset.kind = `st-event ${this.color(item.label)}${this.kindOf(item)}`;
      bar.dataset.id = item.id;
      bar.children[1].textContent = item.label || 'event';
      bar.style.left = this.percent(item.start_s);
      bar.style.width = this.percent(Math.max(Math.min(item.end_s, this.duration) - item.start_s, 0));
      bar.style.top = `${row * ROW_PX}px`;
      setAttribute(bar, 'aria-label', `${item.label || 'event'}, ${whenWords(item)}`);
    }

    kindOf(item) {
      if (item.isRun) return ' is-run';
      if (item.end_s <= item.start_s) return this.isTurned(item) ? ' is-moment is-turned' : ' is-moment';
      return (item.end_s - item.start_s) * this.pxPerS < SHORT_PX ? ' is-short' : '';
    }

    bars() {
      return [...this.parts.lanes.querySelectorAll('.st-lane button')];
    }

    /** Show which event is hot and which is chosen, here and, through `st-mark`, wherever else the page lists them. */
    mark() {
      const bars = this.bars();
      const stop = this.active ?? Number(bars[0]?.dataset.id);
      for (const bar of bars) {
        const id = Number(bar.dataset.id);
        const lit = `${id === this.hot ? ' is-hot' : ''}${id === this.active ? ' is-active' : ''}`;
        setAttribute(bar, 'class', bar.dataset.kind + lit);
        bar.tabIndex = id === stop ? 0 : -1;
        setAttribute(bar, 'aria-pressed', String(id === this.active));
      }
      const detail = { hot: this.item(this.hot)?.ids ?? [], active: this.item(this.active)?.ids ?? [] };
      this.root.dispatchEvent(new CustomEvent('st-mark', { bubbles: true, detail }));
    }

    drawRange() {
      const { range } = this.parts;
      const chosen = this.draft ?? this.value.range_s;
      range.hidden = !chosen;
      if (!chosen) return;
      range.style.left = this.percent(chosen[0]);
      range.style.width = this.percent(chosen[1] - chosen[0]);
    }

    /** What changes with every moment that is played. */
    drawNow() {
      const { playhead, video } = this.parts;
      const now = Math.min(this.now, this.duration);
      playhead.style.left = this.percent(now);
      setAttribute(playhead, 'aria-valuemax', String(this.duration));
      setAttribute(playhead, 'aria-valuenow', now.toFixed(2));
      setAttribute(playhead, 'aria-valuetext', `${clock(now)} of ${clock(this.duration)}`);
      const [at, of] = this.parts.clock.children;
      at.textContent = clock(now);
      of.textContent = clock(this.duration);
      this.root.classList.toggle('is-playing', !video.paused);
      setAttribute(this.parts.play, 'aria-label', video.paused ? 'Play' : 'Pause');
      this.drawBoxes(now);
    }

    drawBoxes(now) {
      const { overlay, casings, lines, stage } = this.parts;
      const boxes = this.items
        .filter((item) => item.isRun)
        .map((run) => ({ run, region: { kind: 'box', xyxy: boxAt(run, this.value.events, now) } }))
        .filter(({ region }) => region.xyxy);
      const frame = [stage.clientWidth, stage.clientHeight];
      const [scale, left, top] = fitted(this.value.size_wh, frame);
      setAttribute(overlay, 'viewBox', `0 0 ${frame[0] || 1} ${frame[1] || 1}`);
      for (const group of [casings, lines]) {
        setAttribute(group, 'transform', `matrix(${scale} 0 0 ${scale} ${left} ${top})`);
        const nodes = pool(group, boxes.length, () => shape('path'));
        boxes.forEach(({ run, region }, i) => {
          setAttribute(nodes[i], 'd', geometry.path(region));
          setAttribute(nodes[i], 'class', `sv-shape sv-box ${this.color(run.label)}`);
        });
      }
      this.tags.place(boxes.map(({ run, region: { xyxy } }, i) => ({
        id: i,
        text: run.label,
        className: `sv-tag ${this.color(run.label)}`,
        bounds: xyxy.map((side, axis) => side * scale + (axis % 2 ? top : left)),
      })).filter(({ text }) => text), frame);
      this.tags.draw([]);
    }

    /** While it plays, once a frame of the screen. */
    follow() {
      if (this.following) return;
      this.following = true;
      const next = () => {
        this.drawNow();
        if (this.zoom > 1) this.reveal(this.now);
        this.following = !this.parts.video.paused;
        if (this.following) requestAnimationFrame(next);
      };
      requestAnimationFrame(next);
    }

    /* -- The card: what is at a moment -- */

    /** Show a moment above the timeline at `x` of the screen: its frame, its time and, of an event, its label. */
    showCard(seconds, x, item) {
      const { card } = this.parts;
      const [picture, title, when] = card.children;
      const seen = this.frames.findLast(([at]) => at <= seconds + 0.001);
      picture.hidden = !seen;
      if (seen && picture.getAttribute('src') !== seen[1]) picture.src = seen[1];
      title.textContent = item?.label ?? '';
      when.textContent = item ? whenWords(item) : clock(seconds);
      card.hidden = !this.duration;
      const frame = this.root.getBoundingClientRect();
      const left = clamp(x - frame.left - card.offsetWidth / 2, 0, frame.width - card.offsetWidth);
      const top = this.parts.scroll.getBoundingClientRect().top - frame.top - card.offsetHeight - 4;
      card.style.transform = `translate(${left}px, ${top}px)`;
    }

    hideCard() {
      this.parts.card.hidden = true;
    }

    /* -- Choosing -- */

    heat(id) {
      const known = this.item(id) ? id : null;
      if (known === this.hot) return;
      this.hot = known;
      this.mark();
    }

    /** The same by the place of any of its events, as the page knows them; none without one. */
    heatEvent(place) {
      this.heat(this.items.find(({ ids }) => ids.includes(Number(place)))?.id ?? null);
    }

    choose(id) {
      this.highlight(id);
      this.tellChosen();
    }

    highlight(id) {
      this.active = this.item(id) ? id : null;
      this.mark();
      this.editor.drawDetails();
    }

    /** While an answer comes the value is Python's: what is chosen is told at its end. */
    tellChosen() {
      if (this.value.src && !this.value.streaming) this.send('write');
    }

    /** Choose an event and play from its beginning; `id` may be the place of any of its events. */
    play(id) {
      const item = this.items.find(({ ids }) => ids.includes(id));
      if (!item) return;
      this.choose(item.id);
      this.seek(this.value.events[id].start_s, true);
      this.tellActive(item);
      this.focusActive();
    }

    tellActive(item) {
      this.say(`${item.label || 'event'}, ${whenWords(item)}; ${this.inOrder().indexOf(item) + 1} of ${this.items.length}`);
    }

    inOrder() {
      return [...this.items].sort((a, b) => a.start_s - b.start_s || a.id - b.id);
    }

    /** The event `step` places after that one in time. */
    beside(id, step) {
      const order = this.inOrder();
      return order[order.findIndex((item) => item.id === id) + step];
    }

    /** To the next event or the one before, without playing. */
    walk(step) {
      if (!this.items.length) return;
      const order = this.inOrder();
      const place = order.findIndex((item) => item.id === this.active);
      const next = order.at(place < 0 ? (step > 0 ? 0 : -1) : (place + step) % order.length);
      this.choose(next.id);
      this.seek(next.start_s);
      this.tellActive(next);
      this.focusActive();
    }

    focusActive() {
      const bar = this.bars().find(({ dataset }) => Number(dataset.id) === this.active);
      bar?.focus({ preventScroll: true });
      bar?.scrollIntoView({ block: 'nearest', inline: 'nearest' });
    }

    /** Choose the part of the video to ask about, null for all of it. */
    ask(range) {
      this.value = { ...this.value, range_s: range };
      this.drawRange();
      this.send('ask');
      this.say(range ? `Part ${clock(range[0])} to ${clock(range[1])}` : 'The whole video');
    }

    askFrom() {
      const end = this.value.range_s?.[1] ?? this.duration;
      this.askBetween(this.now, end > this.now ? end : this.duration);
    }

    askTo() {
      const start = this.value.range_s?.[0] ?? 0;
      this.askBetween(start < this.now ? start : 0, this.now);
    }

    askBetween(start, end) {
      if (end - start > 0.05) this.ask([start, end].map((seconds) => Math.round(seconds * 100) / 100));
    }

    /* -- Pointer -- */

    listen() {
      const { video, scroll, lanes, head, playhead, stage, details } = this.parts;
      for (const name of ['play', 'pause', 'seeked', 'timeupdate', 'loadedmetadata']) video.addEventListener(name, () => this.drawNow());
      video.addEventListener('play', () => this.follow());
      video.addEventListener('error', () => this.failed());
      // A sound that can be played with pictures that cannot is no video either.
      video.addEventListener('loadeddata', () => (video.videoWidth ? null : this.failed()));
      video.addEventListener('click', () => this.press('play'));
      new ResizeObserver(() => this.resized()).observe(scroll);
      new ResizeObserver(() => this.drawNow()).observe(stage);
      scroll.addEventListener('scroll', () => this.drawRuler());
      scroll.addEventListener('wheel', (event) => this.wheel(event), { passive: false });
      scroll.addEventListener('pointermove', (event) => this.hover(event));
      scroll.addEventListener('pointerleave', () => this.leave());
      this.drags(head, (event) => this.dragRange(event));
      this.drags(lanes, (event) => this.dragEvent(event));
      this.drags(playhead, () => this.dragPlayhead());
      lanes.addEventListener('focusin', (event) => this.focused(event.target));
      this.root.addEventListener('click', (event) => this.press(event.target.closest('[data-do]')?.dataset.do));
      details.addEventListener('pointerdown', () => this.hideCard());
      document.addEventListener('keydown', (event) => this.key(event));
    }

    resized() {
      this.drawTime();
      this.drawFrames();
    }

    wheel(event) {
      if (!event.ctrlKey && !event.metaKey) return;
      event.preventDefault();
      this.zoomBy(Math.exp(-event.deltaY * 0.01), event);
    }

    itemOf(node) {
      const bar = node.closest?.('.st-event');
      return bar ? this.item(Number(bar.dataset.id)) : undefined;
    }

    hover(event) {
      if (this.dragging || event.pointerType === 'touch') return;
      const item = this.itemOf(event.target);
      this.heat(item?.id ?? null);
      const inside = event.target.closest('.st-head, .st-event, .st-playhead');
      if (inside) this.showCard(this.timeAt(event), event.clientX, item);
      else this.hideCard();
    }

    leave() {
      this.heat(null);
      this.hideCard();
    }

    /** With the keyboard on an event its card is shown too. */
    focused(node) {
      const item = this.itemOf(node);
      if (!item || !node.matches(':focus-visible')) return;
      const { left } = node.getBoundingClientRect();
      this.showCard(item.start_s, left, item);
    }

    /** Let `begin` say what a drag on `area` does: {move(event), end(event, isCancelled)}, or nothing. */
    drags(area, begin) {
      area.addEventListener('pointerdown', (event) => {
        const drag = event.button === 0 && this.duration ? begin(event) : null;
        if (!drag) return;
        event.stopPropagation();
        this.dragging = true;
        area.setPointerCapture(event.pointerId);
        const move = (moved) => drag.move(moved);
        const end = (ended) => {
          this.dragging = false;
          area.removeEventListener('pointermove', move);
          for (const name of ['pointerup', 'pointercancel']) area.removeEventListener(name, end);
          drag.end(ended, ended.type === 'pointercancel');
          this.hideCard(); // it stands above the buttons
        };
        area.addEventListener('pointermove', move);
        for (const name of ['pointerup', 'pointercancel']) area.addEventListener(name, end);
      });
    }

    /** On ruler and frames: a click goes there, a drag chooses a part, and pulls at the ends of the one that is chosen. */
    dragRange(event) {
      const { grip } = event.target.dataset;
      const range = this.value.range_s;
      const still = grip && range ? range[grip === 'start' ? 1 : 0] : this.timeAt(event);
      const isDrag = (moved) => Boolean(grip) || Math.abs(moved.clientX - event.clientX) > DRAG_PX;
      const partTo = (moved) => [still, this.timeAt(moved)].sort((a, b) => a - b);
      return {
        move: (moved) => {
          if (!isDrag(moved)) return;
          this.draft = partTo(moved);
          this.drawRange();
          this.showCard(this.timeAt(moved), moved.clientX);
        },
        end: (moved, isCancelled) => {
          this.draft = null;
          if (isDrag(moved) && !isCancelled) this.askBetween(...partTo(moved));
          else if (!isCancelled) this.seek(this.timeAt(moved));
          this.drawRange();
        },
      };
    }

    /** On an event: a click plays it, a double click renames it, a drag changes it. */
    dragEvent(event) {
      const item = this.itemOf(event.target);
      if (!item) return null;
      const part = event.target.dataset.grip ?? 'body';
      const drag = this.editor.beginDrag(item, part, event.clientX);
      return {
        move: (moved) => drag?.move(moved.clientX),
        end: (moved, isCancelled) => {
          if (drag?.end(moved.clientX, isCancelled) || isCancelled) return;
          // The pointer is captured: no `dblclick` would tell which event it is for.
          const isChosen = item.id === this.active; // it may have been let go of since
          const isSecond = isChosen && this.pressed?.id === item.id && moved.timeStamp - this.pressed.at < DOUBLE_CLICK_MS;
          this.pressed = { id: item.id, at: moved.timeStamp };
          if (isSecond) this.rename();
          else this.play(this.idAt(item, this.timeAt(moved)));
        },
      };
    }

    rename() {
      this.parts.video.pause();
      this.editor.rename();
    }

    /** Of a thing that is tracked, the box at a moment; else the event. */
    idAt(item, seconds) {
      return item.isRun ? (item.ids.findLast((id) => this.value.events[id].start_s <= seconds) ?? item.id) : item.id;
    }

    dragPlayhead() {
      const to = (moved) => this.seek(this.timeAt(moved));
      return { move: to, end: (moved, isCancelled) => !isCancelled && to(moved) };
    }

    /* -- Keys and buttons -- */

    /** The keys count wherever the focus is, as long as the timeline is in sight and nobody writes. */
    key(event) {
      if (!this.duration || event.defaultPrevented || this.root.offsetParent === null) return;
      if (document.querySelector('dialog[open]') || event.target.closest?.('input, textarea, select, [contenteditable]')) return;
      const name = keyName(event);
      // Enter and Space belong to the button that has the focus; on an event, Enter plays it.
      const item = this.itemOf(event.target);
      const isPress = name === 'Enter' || name === ' ';
      if (isPress && !(item && name === ' ') && !item && event.target.closest?.('button, summary, a, [role=tab]')) return;
      if (name === 'Enter' && !item) return;
      const action = name === 'Enter' ? () => this.play(item.id) : this.keys()[name];
      if (!action || action() === false) return;
      event.preventDefault();
      event.stopPropagation();
    }

    /** What each key does; an action that gives back `false` leaves the key to the page. */
    keys() {
      const step = (seconds) => () => this.seek(this.now + seconds);
      const frame = 1 / (this.value.fps || 25);
      return {
        ' ': () => this.press('play'),
        ArrowLeft: step(-1),
        ArrowRight: step(1),
        'Shift+ArrowLeft': step(-5),
        'Shift+ArrowRight': step(5),
        ',': step(-frame),
        '.': step(frame),
        ArrowUp: () => this.items.length > 0 && this.press('before'),
        ArrowDown: () => this.items.length > 0 && this.press('next'),
        Home: () => this.seek(0),
        End: () => this.seek(this.duration),
        i: () => this.askFrom(),
        o: () => this.askTo(),
        '+': () => this.zoomBy(1.5),
        '=': () => this.zoomBy(1.5),
        '-': () => this.zoomBy(1 / 1.5),
        0: () => this.press('fit'),
        m: () => this.press('mute'),
        f: () => this.press('full'),
        '?': () => this.press('keys'),
        Escape: () => this.escape(),
        ...this.editor.keys(),
      };
    }

    /** Let go of one thing; `false` when there is nothing to let go of, or something runs that is to be stopped. */
    escape() {
      if (this.value.streaming) return false;
      if (this.active !== null) this.choose(null);
      else if (this.value.range_s) this.ask(null);
      else return false;
      return true;
    }

    press(name) {
      const { video } = this.parts;
      const actions = {
        play: () => (video.paused ? video.play().catch(() => {}) : video.pause()),
        before: () => this.walk(-1),
        next: () => this.walk(1),
        slower: () => this.setPace(-1),
        faster: () => this.setPace(1),
        pace: () => this.setPace(0),
        mute: () => this.toggleSound(),
        full: () => (document.fullscreenElement ? document.exitFullscreen() : this.root.requestFullscreen()),
        'zoom-in': () => this.zoomBy(1.5),
        'zoom-out': () => this.zoomBy(1 / 1.5),
        fit: () => this.zoomBy(1 / this.zoom),
        keys: () => this.showKeys(),
        ...this.editor.actions(),
      };
      actions[name]?.();
    }

    /** One step slower or faster, with 0 back to the normal pace. */
    setPace(step) {
      const { video, pace } = this.parts;
      const place = clamp(PACES.indexOf(video.playbackRate) + step, 0, PACES.length - 1);
      video.playbackRate = step ? PACES[place] : 1;
      pace.textContent = `${video.playbackRate}×`;
    }

    toggleSound() {
      const { video, mute } = this.parts;
      video.muted = !video.muted;
      setAttribute(mute, 'aria-pressed', String(video.muted));
    }

    showKeys() {
      const rows = [['Space', 'play or pause'], ['← →', 'one second back or on; with Shift five'],
        [', and .', 'one frame back or on'], ['↑ ↓', 'event before, next event'], ['Enter', 'play the event'],
        ['I and O', 'begin and end of the part to ask about'], ['+ − 0', 'zoom the timeline, also Ctrl and the wheel; all of it'],
        ['M, F', 'sound, full screen'], ...this.editor.keyHelp(), ['Esc', 'let go'], ['?', 'these keys']];
      showKeys(this.parts.keys, rows);
    }
  }

  /** Bring the timeline inside `element` to life, and give it to the page as `timeline` of its `.st`. `port` is the way
   *  to and from Python, see `app/timeline.py`. */
  window.StudioTimeline.mount = (element, port) => {
    const timeline = new Timeline(element.querySelector('.st'), port);
    timeline.root.timeline = timeline;
    const receive = receiver(port, () => timeline.sent, (value) => timeline.show(value));
    port.watch(receive);
    receive();
    return timeline;
  };

  /** Show the frames that Python sends beside the value, for they change less often; `element` is theirs. */
  window.StudioTimeline.mountFrames = (port) => {
    const newcomer = window.StudioUpdates.newcomers();
    const take = () => {
      const shown = document.querySelector('.st')?.timeline;
      if (!shown) return requestAnimationFrame(take);
      const text = newcomer(port.read() ?? '');
      return text && shown.takeFrames(JSON.parse(text));
    };
    port.watch(take);
    take();
  };
})();
