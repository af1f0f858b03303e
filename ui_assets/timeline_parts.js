/* Parts of the timeline, each for itself: seconds as words, what stands on the timeline, rows in which nothing covers
 * anything else, boxes at a moment. None of them touches the page; `timeline.js` puts them together.
 */
(() => {
  'use strict';

  const TICKS_S = [0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200];

  /** "0:03.2", "1:02:03.4": minutes and seconds, hours where there are any. */
  function clock(seconds, digits = 1) {
    const scale = 10 ** digits;
    const whole = Math.round(Math.max(seconds, 0) * scale);
    const rest = ((whole / scale) % 60).toFixed(digits).padStart(digits ? digits + 3 : 2, '0');
    const minutes = Math.floor(whole / scale / 60);
    if (minutes < 60) return `${minutes}:${rest}`;
    return `${Math.floor(minutes / 60)}:${String(minutes % 60).padStart(2, '0')}:${rest}`;
  }

  /** "0:03.2" of a moment, "0:03.2 – 0:05.0" of a range. */
  function whenWords({ start_s: start, end_s: end }) {
    return end > start ? `${clock(start)} – ${clock(end)}` : clock(start);
  }

  /** The distance between two ticks of a ruler on which a second is so many pixels wide. */
  function tickStep(pxPerS, leastPx = 72) {
    return TICKS_S.find((step) => step * pxPerS >= leastPx) ?? TICKS_S.at(-1);
  }

  /** What stands on the timeline: an event, or the boxes of one thing; which boxes those are `app/tracks.py` says. `ids`
   *  are the places of its events in the value. */
  function itemsOf(events, lanes) {
    const items = [];
    const runs = new Map(); // lane and thing -> its item
    events.forEach((event, id) => {
      if (event.thing === null) {
        items.push({ ...event, id, ids: [id] });
        return;
      }
      const key = `${event.lane} ${event.thing}`;
      const step = lanes[event.lane].step_s;
      const run = runs.get(key);
      if (run) {
        run.ids.push(id);
        run.end_s = event.end_s + step;
      } else {
        const begun = { ...event, id, ids: [id], isRun: true, end_s: event.end_s + step };
        runs.set(key, begun);
        items.push(begun);
      }
    });
    return items;
  }

  /** The row of each item: the first in which it covers no other. `spanPx` gives [left, right] of an item. */
  function rowsOf(items, spanPx) {
    const ends = [];
    return items.map((item) => {
      const [left, right] = spanPx(item);
      const free = ends.findIndex((end) => end <= left);
      const row = free < 0 ? ends.length : free;
      ends[row] = right;
      return row;
    });
  }

  /** The box of a thing at a moment: between two frames that the model saw, on the straight way from one to the other. */
  function boxAt(run, events, now) {
    if (now < run.start_s || now >= run.end_s) return null;
    const boxes = run.ids.map((id) => events[id]);
    const last = boxes.findLast((event) => event.start_s <= now);
    const next = boxes.find((event) => event.start_s > now);
    if (!next) return last.xyxy;
    const part = (now - last.start_s) / (next.start_s - last.start_s);
    return last.xyxy.map((from, side) => from + (next.xyxy[side] - from) * part);
  }

  /** Where a picture of `size` lies in a frame that shows all of it: [scale, left, top]. */
  function fitted([width, height], [frameWidth, frameHeight]) {
    const scale = width ? Math.min(frameWidth / width, frameHeight / height) : 1;
    return [scale, (frameWidth - width * scale) / 2, (frameHeight - height * scale) / 2];
  }

  window.StudioTimeline = { clock, whenWords, tickStep, itemsOf, rowsOf, boxAt, fitted };
})();
