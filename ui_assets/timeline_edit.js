/* Changing events by hand: drag their ends, move, rename, remove, undo. Knows the timeline it belongs to
 * (`timeline.js`). Does not know what becomes of an edit: it leaves through the timeline's port.
 *
 * Events are never changed in place: each edit makes new ones, so that undo is a list of what was before.
 */
(() => {
  'use strict';

  const { create, clamp, History } = window.StudioViewer;
  const LEAST_PX = 4; // a shorter drag is a click
  const NUDGE_S = 0.1;
  const NEW_S = 1; // how long an event lasts that is put at the playhead

  const inOrder = (a, b) => a.lane - b.lane || a.start_s - b.start_s || a.end_s - b.end_s;
  const hundredth = (seconds) => Math.round(seconds * 100) / 100;

  class EventEditor {
    constructor(timeline) {
      this.timeline = timeline;
      this.history = new History();
      const { details } = timeline.parts;
      details.addEventListener('submit', (event) => event.preventDefault());
      details.addEventListener('change', () => this.takeDetails());
      details.addEventListener('keydown', (event) => this.detailsKey(event));
    }

    get value() {
      return this.timeline.value;
    }

    get ready() {
      return Boolean(this.value.src) && !this.value.streaming;
    }

    get item() {
      return this.timeline.item(this.timeline.active);
    }

    /** Python sent a value: what can be undone in answers that are there as before stays; all else is as it is now. */
    received(before) {
      const places = EventEditor.placesNow(before, this.value);
      if (places.every((place, lane) => place === lane) && places.length === this.value.lanes.length) return;
      const theirs = this.value.events.filter(({ lane }) => !places.includes(lane));
      const moved = (events) => [
        ...events.filter(({ lane }) => places[lane] >= 0).map((event) => ({ ...event, lane: places[event.lane] })),
        ...theirs,
      ].sort(inOrder);
      this.history.change(moved, (a, b) => EventEditor.told(a) === EventEditor.told(b), this.value.events);
    }

    /** Where each lane of an earlier value is now, -1 for one that is gone or has other events: answers are put at the end,
     *  and any of them may be taken out. */
    static placesNow(before, now) {
      const is = before.src === now.src ? EventEditor.toldByLane(now) : [];
      let place = 0;
      return EventEditor.toldByLane(before).map((lane) => (lane === is[place] ? place++ : -1));
    }

    static toldByLane({ lanes, events }) {
      return lanes.map(({ title }, place) => title + EventEditor.told(events.filter(({ lane }) => lane === place)));
    }

    static told(events) {
      return JSON.stringify(events.map(({ label, start_s: start, end_s: end }) => [label, start, end]));
    }

    /* -- Changing the value -- */

    /** Replace the events for good; `active` is the one of them that is chosen afterwards. */
    commit(events, active = null, before = this.value.events) {
      this.history.keep(before);
      this.put(events, active);
      this.send();
    }

    /** Replace the events on the screen, in order. Their places are their names from now on. */
    put(events, active = null) {
      const { timeline } = this;
      const sorted = [...events].sort(inOrder);
      const labels = [...new Set([...this.value.labels, ...sorted.map(({ label }) => label)])];
      timeline.value = { ...this.value, events: sorted, labels };
      timeline.hot = null;
      timeline.active = null;
      timeline.items = [];
      timeline.refresh();
      const place = sorted.indexOf(active);
      if (place >= 0) timeline.highlight(timeline.items.find(({ ids }) => ids.includes(place))?.id ?? null);
    }

    send() {
      this.timeline.send('write');
    }

    /** Undo the last edit or, with `forth`, do again what was undone. */
    undo(forth = false) {
      const events = this.ready && this.history.step(this.value.events, forth);
      if (!events) return;
      this.put(events);
      this.send();
      this.timeline.say(forth ? 'Done again.' : 'Undone.');
    }

    /** All events with those of an item changed, and the first of these. */
    changed(item, change) {
      let first = null;
      const events = this.value.events.map((event, id) => {
        if (!item.ids.includes(id)) return event;
        const made = { ...event, ...change };
        first ??= made;
        return made;
      });
      return [events, first];
    }

    apply(item, change) {
      this.commit(...this.changed(item, change));
    }

    remove() {
      const { item } = this;
      if (!item || !this.ready) return;
      const next = this.timeline.beside(item.id, 1) ?? this.timeline.beside(item.id, -1);
      const left = this.value.events.filter((event, id) => !item.ids.includes(id));
      this.commit(left, next ? this.value.events[next.id] : null);
      this.timeline.say(`${item.label || 'Event'} removed.`);
    }

    /** Put an event where the chosen part is or, without one, at the playhead; it belongs to the answer of the chosen event,
     *  else to the latest. */
    add() {
      const { range_s: range, lanes, duration_s: duration } = this.value;
      if (!this.ready || !lanes.length) return false;
      const { now } = this.timeline;
      const [start, end] = (range ?? [now, Math.min(now + NEW_S, duration)]).map(hundredth);
      const lane = this.item?.lane ?? lanes.length - 1;
      const made = { lane, thing: null, label: 'event', start_s: start, end_s: end, xyxy: null, span: null, attributes: {} };
      this.commit([...this.value.events, made], made);
      this.timeline.say('Event added.');
      return this.rename();
    }

    rename() {
      const input = this.timeline.parts.details.querySelector('input[name=label]');
      input?.focus({ preventScroll: true });
      input?.select();
    }

    /** Let the chosen event begin or end where the playhead is. */
    setEnd(name) {
      const { item } = this;
      if (!item || !this.ready || item.isRun) return false;
      return this.apply(item, this.pulled(item, name, this.timeline.now - item[`${name}_s`]));
    }

    nudge(seconds, grows) {
      const { item } = this;
      if (!item || !this.ready || item.isRun) return false;
      return this.apply(item, this.pulled(item, grows ? 'end' : 'body', seconds));
    }

    /** What is new about an event after one of its ends, or its body, went so many seconds; ends may change places. */
    pulled(item, part, seconds) {
      const { duration_s: duration } = this.value;
      if (part === 'body') {
        const way = clamp(seconds, -item.start_s, duration - item.end_s);
        return { start_s: hundredth(item.start_s + way), end_s: hundredth(item.end_s + way) };
      }
      const moved = hundredth(clamp(item[`${part}_s`] + seconds, 0, duration));
      const still = part === 'start' ? item.end_s : item.start_s;
      return { start_s: Math.min(moved, still), end_s: Math.max(moved, still) };
    }

    /* -- Pointer -- */

    /** Drag an end of an event, or the chosen one as a whole; null where there is nothing to drag. */
    beginDrag(item, part, startX) {
      if (!this.ready || item.isRun || (part === 'body' && item.id !== this.timeline.active)) return null;
      const before = this.value.events;
      let moved = false;
      const shift = (x) => this.changed(item, this.pulled(item, part, (x - startX) / this.timeline.pxPerS));
      return {
        move: (x) => {
          moved ||= Math.abs(x - startX) > LEAST_PX;
          if (moved) this.timeline.preview(shift(x)[0]);
        },
        end: (x, isCancelled) => {
          if (moved && !isCancelled) this.commit(...shift(x), before);
          else if (moved) this.timeline.preview(before);
          return moved;
        },
      };
    }

    /* -- The line of details below the tracks -- */

    drawDetails() {
      const { details } = this.timeline.parts;
      const { item } = this;
      const shown = item ? `${item.id} ${Boolean(item.isRun)} ${this.ready}` : '';
      if (details.dataset.shown !== shown) {
        details.dataset.shown = shown;
        details.replaceChildren(...(item ? this.fields(item) : this.hints()));
      } else if (!item) {
        details.replaceChildren(...this.hints());
      }
      if (item) this.fillDetails(item);
    }

    /** What can be done as long as no event is chosen. */
    hints() {
      const { lanes, events } = this.value;
      const drag = 'Drag over the frames to ask about a part of the video.';
      const words = create('small', '', events.length ? `Click an event to play it. ${drag}` : drag);
      return lanes.length ? [words, this.button('add', 'Add event', 'At the chosen part, else at the playhead (N)')] : [words];
    }

    button(name, words, title) {
      const button = create('button', 'sv-remove', words);
      Object.assign(button, { type: 'button', disabled: !this.ready, title });
      button.dataset.do = name;
      return button;
    }

    fields(item) {
      const field = (name, words, type) => {
        const line = create('label');
        const input = create('input');
        Object.assign(input, { name, type, disabled: !this.ready, autocomplete: 'off', step: '0.01', min: '0' });
        line.append(create('small', '', words), input);
        return line;
      };
      const times = item.isRun ? [] : [field('start', 'From, s', 'number'), field('end', 'To, s', 'number')];
      const refusal = create('p', 'st-refusal');
      refusal.setAttribute('role', 'alert');
      return [field('label', 'Label', 'text'), ...times, this.button('remove', 'Remove', 'Remove (Delete)'), refusal];
    }

    /** The fields tell how the event is; `all` of them, or all but the one that is being written. */
    fillDetails(item, all = false) {
      const { details } = this.timeline.parts;
      const said = { label: item.label, start: hundredth(item.start_s), end: hundredth(item.end_s) };
      for (const input of details.querySelectorAll('input')) {
        if (all || input !== document.activeElement) input.value = said[input.name];
      }
    }

    /** A field was changed: the event takes all of them, or stays as it was if its times make no sense. */
    takeDetails() {
      const { item } = this;
      if (!item || !this.ready || this.givenUp) return;
      const { label, start, end } = this.timeline.parts.details.elements;
      const why = start ? this.whyNot(start.value, end.value) : '';
      this.refuse(why);
      if (why) return;
      const change = { label: label.value.trim() };
      for (const [name, field] of Object.entries(start ? { start_s: start, end_s: end } : {})) {
        // The fields show hundredths: one that was left alone changes nothing.
        const typed = hundredth(Number(field.value));
        change[name] = typed === hundredth(item[name]) ? item[name] : Math.min(typed, this.value.duration_s);
      }
      if (start) change.end_s = Math.max(change.start_s, change.end_s);
      if (Object.entries(change).some(([name, value]) => item[name] !== value)) this.apply(item, change);
    }

    /** What is wrong with times that were typed; empty where nothing is. */
    whyNot(start, end) {
      const last = hundredth(this.value.duration_s);
      if (!start.trim() || !end.trim()) return 'A time is a number of seconds.';
      const outside = [start, end].find((text) => !(Number(text) >= 0 && Number(text) <= last));
      if (outside !== undefined) return `${outside} s is not in the video, which has ${last} s.`;
      return Number(start) > Number(end) ? `It cannot begin at ${start} s and end before, at ${end} s.` : '';
    }

    /** Say why the event stays as it was, and let the fields tell how that is. */
    refuse(why) {
      const { details } = this.timeline.parts;
      details.querySelector('.st-refusal').textContent = why && `${why} The event stays as it was.`;
      if (why) this.fillDetails(this.item, true);
    }

    detailsKey(event) {
      if (event.key !== 'Enter' && event.key !== 'Escape') return;
      if (event.target.tagName !== 'INPUT') return;
      event.preventDefault();
      event.stopPropagation();
      // Leaving a field takes what was typed, unless it was left with Escape.
      this.givenUp = event.key === 'Escape';
      event.target.blur();
      this.givenUp = false;
      if (this.item) this.fillDetails(this.item);
      this.timeline.focusActive();
    }

    drawTools() {
      const off = { undo: !this.history.past.length, redo: !this.history.future.length };
      for (const [name, isOff] of Object.entries(off)) {
        this.timeline.root.querySelector(`[data-do=${name}]`).disabled = !this.ready || isOff;
      }
    }

    actions() {
      return { undo: () => this.undo(), redo: () => this.undo(true), remove: () => this.remove(), add: () => this.add() };
    }

    keys() {
      if (!this.ready) return {};
      return {
        Delete: () => this.remove(),
        Backspace: () => this.remove(),
        n: () => this.add(),
        F2: () => this.rename(),
        '[': () => this.setEnd('start'),
        ']': () => this.setEnd('end'),
        'Alt+ArrowLeft': () => this.nudge(-NUDGE_S, false),
        'Alt+ArrowRight': () => this.nudge(NUDGE_S, false),
        'Alt+Shift+ArrowLeft': () => this.nudge(-NUDGE_S, true),
        'Alt+Shift+ArrowRight': () => this.nudge(NUDGE_S, true),
        'Ctrl+z': () => this.undo(),
        'Ctrl+Shift+z': () => this.undo(true),
        'Ctrl+y': () => this.undo(true),
      };
    }

    keyHelp() {
      return [['N', 'add an event at the chosen part, else at the playhead'], ['F2, double click', 'rename the event'], ['[ and ]', 'let it begin or end at the playhead'],
        ['Alt + ← →', 'move it by a tenth of a second'], ['Alt + Shift + ← →', 'move its end'],
        ['Delete', 'remove it'], ['Ctrl + Z', 'undo'], ['Ctrl + Shift + Z', 'do again']];
    }
  }

  window.StudioTimeline.EventEditor = EventEditor;
})();
