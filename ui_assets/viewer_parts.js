/* Parts of the linked image viewer, each for itself: geometry of regions, the camera, name tags, the answer's words and
 * the list. None of them knows the others; `viewer.js` puts them together.
 *
 * Every label, text and name is untrusted: it reaches the page through `textContent` and nothing else.
 */
(() => {
  'use strict';

  const SVG = 'http://www.w3.org/2000/svg';
  const ROW_PX = 36; // height of a list row, the same in viewer.css
  const TAG_PX = 20; // height of a name tag, the same in viewer.css
  const UNDO_STEPS = 200;
  const MAX_TAGS = 200; // name tags on the picture at a time; zooming in brings up others

  const clamp = (number, low, high) => Math.min(Math.max(number, low), Math.max(low, high));

  function create(name, className, text) {
    const node = document.createElement(name);
    if (className) node.className = className;
    if (text !== undefined) node.textContent = text;
    return node;
  }

  function shape(name, className) {
    const node = document.createElementNS(SVG, name);
    if (className) node.setAttribute('class', className);
    return node;
  }

  /** Set an attribute only when it differs: with thousands of shapes this is what keeps a redraw cheap. */
  function setAttribute(node, name, value) {
    if (node.getAttribute(name) !== value) node.setAttribute(name, value);
  }

  /** A line of a region's details. Facts come from the model and may be anything that JSON can say. */
  function factLine(name, fact) {
    const line = create('p');
    line.append(create('small', '', name));
    line.append(create('span', '', typeof fact === 'string' ? fact : JSON.stringify(fact)));
    return line;
  }

  /** Lines for those facts that say something. */
  function factLines(facts) {
    const known = Object.entries(facts).filter(([, fact]) => fact !== null && fact !== undefined && fact !== '');
    return known.map(([name, fact]) => factLine(name, fact));
  }

  /** Exactly `count` children made by `make`; those already there are used again. */
  function pool(parent, count, make) {
    while (parent.childElementCount > count) parent.lastElementChild.remove();
    if (parent.childElementCount < count) {
      const fresh = document.createDocumentFragment();
      for (let i = parent.childElementCount; i < count; i++) fresh.append(make());
      parent.append(fresh);
    }
    return parent.children;
  }

  /** "Ctrl+Shift+z", "ArrowDown", "?": with a letter or sign, Shift counts only beside Ctrl. */
  function keyName(event) {
    const control = event.ctrlKey || event.metaKey;
    const single = event.key.length === 1;
    const shift = event.shiftKey && (control || !single);
    const held = `${control ? 'Ctrl+' : ''}${event.altKey ? 'Alt+' : ''}${shift ? 'Shift+' : ''}`;
    return held + (single ? event.key.toLowerCase() : event.key);
  }

  /** Open a dialog that tells what keys do; `rows` are [keys, meaning]. */
  function showKeys(dialog, rows) {
    const table = create('dl');
    for (const [keys, meaning] of rows) table.append(create('dt', '', keys), create('dd', '', meaning));
    const close = create('button', '', 'Close');
    close.type = 'button';
    close.addEventListener('click', () => dialog.close());
    dialog.replaceChildren(create('h3', '', 'Keys'), table, close);
    dialog.showModal();
    dialog.scrollTop = 0; // the button has the focus, and stands at the end
  }

  /** Gives `show` the newest value at the next frame: while an answer streams, values between two frames are never drawn.
   *  What `sent` tells to have come from here is no news. */
  function receiver(port, sent, show) {
    const newcomer = window.StudioUpdates.newcomers();
    let newest = '';
    let isWaiting = false;
    return () => {
      newest = newcomer(port.read() ?? '') ?? newest;
      if (isWaiting) return;
      isWaiting = true;
      requestAnimationFrame(() => {
        isWaiting = false;
        if (newest && newest !== sent()) show(JSON.parse(newest));
        newest = '';
      });
    };
  }

  /** What was before each edit, and what was undone since. */
  class History {
    constructor() {
      this.forget();
    }

    forget() {
      this.past = [];
      this.future = [];
    }

    keep(before) {
      this.past = [...this.past.slice(-UNDO_STEPS), before];
      this.future = [];
    }

    /** How things were one step back or, with `forth`, one on again; undefined where there is none. */
    step(now, forth) {
      const [from, to] = forth ? [this.future, this.past] : [this.past, this.future];
      if (!from.length) return undefined;
      to.push(now);
      return from.pop();
    }

    /** Let every state be another one; those that are no longer another step, seen from `now`, go. */
    change(made, isSame, now) {
      for (const name of ['past', 'future']) {
        let next = now;
        this[name] = this[name].map(made).reduceRight((kept, state) => {
          if (isSame(state, next)) return kept;
          next = state;
          return [state, ...kept];
        }, []);
      }
    }
  }

  /* ---- Geometry of regions, in pixels of the source picture ----------------------------------------------------- */

  // The number of a 3D box's corner has one bit for each axis: an edge joins two corners that differ in one bit.
  const CORNERS = [0, 1, 2, 3, 4, 5, 6, 7];
  const BOX_3D_EDGES = [1, 2, 4].flatMap((bit) => CORNERS.filter((i) => !(i & bit)).map((i) => [i, i | bit]));

  const geometry = {
    /** All corners of a region; empty when it has no place in the picture. */
    corners(region) {
      if (region.kind === 'box') {
        const [x1, y1, x2, y2] = region.xyxy;
        return [[x1, y1], [x2, y1], [x2, y2], [x1, y2]];
      }
      if (region.kind === 'point') return [region.xy];
      if (region.kind === 'action') return [region.xy, region.to_xy].filter(Boolean);
      return (region.xy || []).filter(Boolean); // a corner behind the camera has no place
    },

    bounds(region) {
      if (region.kind === 'box') return region.xyxy;
      const corners = geometry.corners(region);
      if (!corners.length) return null;
      const xs = corners.map((c) => c[0]);
      const ys = corners.map((c) => c[1]);
      return [Math.min(...xs), Math.min(...ys), Math.max(...xs), Math.max(...ys)];
    },

    /** SVG path data. A point is a stroke of no length: its round cap is a dot of the same size at every zoom. */
    path(region) {
      if (region.kind === 'box') {
        const [x1, y1, x2, y2] = region.xyxy;
        return `M${x1} ${y1}H${x2}V${y2}H${x1}Z`;
      }
      const corners = geometry.corners(region);
      if (!corners.length) return '';
      if (corners.length === 1) return `M${corners[0].join(' ')}h0`;
      if (region.kind === 'action') return `M${corners.map((c) => c.join(' ')).join('L')}`;
      if (region.kind === 'box_3d') {
        const ends = BOX_3D_EDGES.map(([a, b]) => [region.xy[a], region.xy[b]]).filter(([a, b]) => a && b);
        return ends.map(([a, b]) => `M${a.join(' ')}L${b.join(' ')}`).join('');
      }
      return `M${corners.map((c) => c.join(' ')).join('L')}Z`;
    },

    /** Whether (x, y) is on the region, give or take `reach` source pixels. */
    contains(region, x, y, reach) {
      const bounds = geometry.bounds(region);
      if (!bounds) return false;
      const [x1, y1, x2, y2] = bounds;
      if (x < x1 - reach || x > x2 + reach || y < y1 - reach || y > y2 + reach) return false;
      if (region.kind === 'polygon') return geometry.inside(region.xy, x, y);
      if (region.kind === 'action' && region.to_xy) return geometry.distance(region.xy, region.to_xy, x, y) <= reach;
      return true;
    },

    /** Even-odd rule. */
    inside(corners, x, y) {
      let within = false;
      for (let i = 0, j = corners.length - 1; i < corners.length; j = i++) {
        const [xi, yi] = corners[i];
        const [xj, yj] = corners[j];
        if (yi > y !== yj > y && x < ((xj - xi) * (y - yi)) / (yj - yi) + xi) within = !within;
      }
      return within;
    },

    /** From (x, y) to the line between a and b. */
    distance(a, b, x, y) {
      const [dx, dy] = [b[0] - a[0], b[1] - a[1]];
      const t = clamp(((x - a[0]) * dx + (y - a[1]) * dy) / (dx * dx + dy * dy || 1), 0, 1);
      return Math.hypot(x - a[0] - t * dx, y - a[1] - t * dy);
    },

    area(region) {
      const [x1, y1, x2, y2] = geometry.bounds(region);
      return (x2 - x1) * (y2 - y1);
    },

    /** The place as words: "120, 40 – 300, 200". */
    words(region) {
      const round = (pair) => pair.map((n) => Math.round(n)).join(', ');
      if (region.kind === 'point' || region.kind === 'action') return geometry.corners(region).map(round).join(' → ');
      const bounds = geometry.bounds(region);
      return bounds ? `${round(bounds.slice(0, 2))} – ${round(bounds.slice(2))}` : '';
    },
  };

  /* ---- Camera: where the picture lies in the frame -------------------------------------------------------------- */

  class Camera {
    constructor() {
      this.frame = [0, 0]; // width and height of the frame, CSS pixels
      this.size = [0, 0]; // of the picture, source pixels
      this.scale = 1;
      this.x = 0;
      this.y = 0;
      this.fitted = true;
    }

    get fitScale() {
      const [w, h] = this.size;
      return w && this.frame[0] ? Math.min(this.frame[0] / w, this.frame[1] / h) : 1;
    }

    fit() {
      this.scale = this.fitScale;
      this.fitted = true;
      this.settle();
    }

    /** Zoom by `factor` so that the place under (x, y) of the frame stays there. */
    zoom(factor, x = this.frame[0] / 2, y = this.frame[1] / 2) {
      const scale = clamp(this.scale * factor, this.fitScale, Math.max(this.fitScale * 40, 8));
      this.x = x - ((x - this.x) * scale) / this.scale;
      this.y = y - ((y - this.y) * scale) / this.scale;
      this.scale = scale;
      this.fitted = scale <= this.fitScale * 1.0001;
      this.settle();
    }

    pan(dx, dy) {
      this.x += dx;
      this.y += dy;
      this.settle();
    }

    /** Never lose the picture: centred where it is smaller than the frame, without gaps where it is larger. */
    settle() {
      const place = (offset, frame, length) =>
        length <= frame ? (frame - length) / 2 : clamp(offset, frame - length, 0);
      this.x = place(this.x, this.frame[0], this.size[0] * this.scale);
      this.y = place(this.y, this.frame[1], this.size[1] * this.scale);
    }

    resize(width, height) {
      const [cx, cy] = this.toSource(this.frame[0] / 2, this.frame[1] / 2);
      this.frame = [width, height];
      if (this.fitted) return this.fit();
      this.scale = Math.max(this.scale, this.fitScale);
      this.x = width / 2 - cx * this.scale;
      this.y = height / 2 - cy * this.scale;
      this.settle();
    }

    /** Bring bounds into the frame when they are outside of it. */
    reveal([x1, y1, x2, y2]) {
      const [left, top] = this.toFrame(x1, y1);
      const [right, bottom] = this.toFrame(x2, y2);
      const shift = (low, high, frame) => (high < 24 || low > frame - 24 ? frame / 2 - (low + high) / 2 : 0);
      this.pan(shift(left, right, this.frame[0]), shift(top, bottom, this.frame[1]));
    }

    toFrame(x, y) {
      return [x * this.scale + this.x, y * this.scale + this.y];
    }

    toSource(x, y) {
      return [(x - this.x) / this.scale, (y - this.y) / this.scale];
    }
  }

  /* ---- Name tags that do not cover each other ------------------------------------------------------------------- */

  class Tags {
    constructor(host) {
      this.host = host;
      this.widths = new Map();
      this.placed = []; // where tags are as long as nothing is chosen: {tag, x, y, w}
      this.drawn = new Map(); // id -> {node, look}
      this.frame = [0, 0];
      this.pen = document.createElement('canvas').getContext('2d');
    }

    width(text) {
      if (!this.widths.has(text)) {
        this.pen.font ||= '600 12px system-ui';
        this.pen.font = getComputedStyle(this.host).font;
        this.widths.set(text, Math.min(Math.ceil(this.pen.measureText(text).width) + 12, 180));
      }
      return this.widths.get(text);
    }

    /** The spots for a tag of width w at a region with these bounds, best first. */
    static spots([x1, y1, x2, y2], w, h) {
      const spots = [[x1, y1 - h], [x2 - w, y1 - h]];
      if (x2 - x1 > w + 4 && y2 - y1 > 2 * h) spots.push([x1, y1], [x2 - w, y2 - h]);
      spots.push([x1, y2], [x2 - w, y2], [x2, y1], [x1 - w, y1]);
      return spots;
    }

    /** Find places for as many `wanted` tags {id, text, className, bounds (in the frame)} as fit, in their order. */
    place(wanted, frame) {
      this.frame = frame;
      this.placed = [];
      for (const tag of wanted) {
        if (this.placed.length >= MAX_TAGS) break;
        const spot = this.spotFor(tag, (there) => !this.placed.some((other) => Tags.touch(there, other)));
        if (spot) this.placed.push(spot);
      }
    }

    /** The first spot for a tag inside the frame that is `free`. */
    spotFor(tag, free) {
      const [width, height] = this.frame;
      const [x1, y1, x2, y2] = tag.bounds;
      const seen = [Math.max(x1, 0), Math.max(y1, 0), Math.min(x2, width), Math.min(y2, height)];
      const w = this.width(tag.text);
      return Tags.spots(seen, w, TAG_PX)
        .map(([x, y]) => ({ tag, x, y, w }))
        .find((spot) => spot.x >= 0 && spot.y >= 0 && spot.x + w <= width && spot.y + TAG_PX <= height && free(spot));
    }

    static touch(a, b) {
      return a.x < b.x + b.w + 2 && b.x < a.x + a.w + 2 && a.y < b.y + TAG_PX + 2 && b.y < a.y + TAG_PX + 2;
    }

    /** Draw the tags, those of `chosen` in any case: what they would cover goes, and nothing else moves. */
    draw(chosen) {
      const above = chosen
        .map((tag) => this.placed.find((spot) => spot.tag.id === tag.id) ?? this.spotFor(tag, () => true))
        .filter(Boolean);
      const below = this.placed.filter((spot) => !above.some((other) => other === spot || Tags.touch(other, spot)));
      const drawn = new Map();
      for (const spot of below) drawn.set(spot.tag.id, this.drawOne(spot, ''));
      for (const spot of above) drawn.set(spot.tag.id, this.drawOne(spot, ' is-hot'));
      for (const [id, { node }] of this.drawn) if (!drawn.has(id)) node.remove();
      this.drawn = drawn;
    }

    drawOne({ tag, x, y, w }, state) {
      const before = this.drawn.get(tag.id);
      const node = before?.node ?? this.host.appendChild(create('span'));
      const className = tag.className + state;
      const look = [tag.text, className, Math.round(x), Math.round(y), w].join('\n');
      if (before?.look === look) return before;
      if (node.textContent !== tag.text) node.textContent = tag.text;
      node.className = className;
      node.style.maxWidth = `${w}px`;
      node.style.transform = `translate(${Math.round(x)}px, ${Math.round(y)}px)`;
      return { node, look };
    }
  }

  /* ---- The answer's words --------------------------------------------------------------------------------------- */

  class AnswerText {
    constructor(details) {
      this.details = details;
      this.box = details.querySelector('pre');
      this.text = '';
      this.ranges = { hot: null, active: null };
    }

    show(text, regions) {
      this.details.hidden = !text;
      if (text !== this.text) {
        const before = this.box.firstChild;
        // Appending keeps scroll position and selection while the answer grows.
        if (before && text.startsWith(this.text)) before.appendData(text.slice(this.text.length));
        else this.box.textContent = text;
        this.text = text;
      }
      const place = AnswerText.codeUnits(text);
      const said = regions.filter((region) => region.span);
      this.spans = said.map(({ id, span: [start, end] }) => ({ id, start: place(start), end: place(end) }));
    }

    /** Spans count code points, the browser counts UTF-16 code units: a function from the one to the other. */
    static codeUnits(text) {
      if (!/[\ud800-\udbff]/.test(text)) return (index) => index;
      const units = [];
      let unit = 0;
      for (const character of text) {
        units.push(unit);
        unit += character.length;
      }
      return (index) => units[index] ?? unit;
    }

    /** Show a region's words as "hot" or "active"; null for none. */
    mark(kind, id) {
      const registry = globalThis.CSS?.highlights;
      if (!registry) return;
      const name = `sv-${kind}`;
      if (!registry.has(name)) registry.set(name, new Highlight());
      if (this.ranges[kind]) registry.get(name).delete(this.ranges[kind]);
      this.ranges[kind] = null;
      const span = this.spans?.find((s) => s.id === id);
      if (!span || !this.box.firstChild || !this.details.open) return;
      const range = new Range();
      range.setStart(this.box.firstChild, Math.min(span.start, this.text.length));
      range.setEnd(this.box.firstChild, Math.min(span.end, this.text.length));
      registry.get(name).add(range);
      this.ranges[kind] = range;
      this.scrollTo(range);
    }

    scrollTo(range) {
      const words = range.getBoundingClientRect();
      const frame = this.box.getBoundingClientRect();
      if (words.top < frame.top) this.box.scrollTop -= frame.top - words.top + 8;
      else if (words.bottom > frame.bottom) this.box.scrollTop += words.bottom - frame.bottom + 8;
    }

    /** The region whose words are at a place on the screen. */
    at(clientX, clientY) {
      const caret = document.caretPositionFromPoint
        ? document.caretPositionFromPoint(clientX, clientY)
        : document.caretRangeFromPoint?.(clientX, clientY);
      const node = caret?.offsetNode ?? caret?.startContainer;
      if (!node || node !== this.box.firstChild) return null;
      const offset = caret.offset ?? caret.startOffset;
      const hits = (this.spans || []).filter((s) => s.start <= offset && offset < s.end);
      return hits.length ? hits.reduce((a, b) => (b.end - b.start < a.end - a.start ? b : a)).id : null;
    }
  }

  /* ---- The list of results: only the rows in sight are in the page ---------------------------------------------- */

  class ResultList {
    constructor(box, name) {
      this.box = box;
      this.name = name;
      this.rows = box.querySelector('.sv-rows');
      this.items = [];
      this.box.addEventListener('scroll', () => this.draw());
    }

    show(items, state) {
      this.items = items;
      this.state = state;
      this.rows.style.height = `${items.length * ROW_PX}px`;
      this.draw();
    }

    draw() {
      const first = Math.max(Math.floor(this.box.scrollTop / ROW_PX) - 4, 0);
      const last = Math.min(first + Math.ceil(this.box.clientHeight / ROW_PX) + 9, this.items.length);
      const nodes = pool(this.rows, Math.max(last - first, 0), ResultList.row);
      for (let i = first; i < last; i++) this.fill(nodes[i - first], this.items[i], i);
    }

    static row() {
      const row = create('div');
      row.setAttribute('role', 'option');
      row.append(create('i'), create('b'), create('small'));
      return row;
    }

    fill(row, item, place) {
      const { hot, active } = this.state;
      const lit = `${item.id === hot ? ' is-hot' : ''}${item.id === active ? ' is-active' : ''}`;
      setAttribute(row, 'class', `sv-row ${item.color}${lit}`);
      setAttribute(row, 'id', `${this.name}-${item.id}`);
      setAttribute(row, 'data-id', String(item.id));
      setAttribute(row, 'aria-selected', String(item.id === active));
      setAttribute(row, 'aria-posinset', String(place + 1));
      setAttribute(row, 'aria-setsize', String(this.items.length));
      row.style.transform = `translateY(${place * ROW_PX}px)`;
      [item.mark, item.title, item.place].forEach((text, i) => {
        if (row.children[i].textContent !== text) row.children[i].textContent = text;
      });
    }

    /** Bring a row into sight, scrolling nothing but the list itself. */
    reveal(id) {
      const place = this.items.findIndex((item) => item.id === id);
      if (place < 0) return;
      const top = place * ROW_PX;
      if (top < this.box.scrollTop) this.box.scrollTop = top;
      else if (top + ROW_PX > this.box.scrollTop + this.box.clientHeight) {
        this.box.scrollTop = top + ROW_PX - this.box.clientHeight;
      }
    }
  }

  window.StudioViewer = {
    ...{ geometry, Camera, Tags, AnswerText, ResultList, History, receiver },
    ...{ create, shape, setAttribute, factLines, pool, clamp, keyName, showKeys },
  };
})();
