/* Changing regions by hand: draw, move, resize, rename, remove, undo; and marking an area to ask about. Knows the
 * viewer it belongs to (`viewer.js`). Does not know what becomes of an edit: it leaves through the viewer's port.
 *
 * Regions are never changed in place: each edit makes new ones, so that undo is a list of what was before.
 */
(() => {
  'use strict';

  const { geometry, create, setAttribute, factLines, clamp, History } = window.StudioViewer;
  const GRIP_PX = 10; // how near to a handle the pointer has to be
  const TOUCH_GRIP_PX = 22; // a finger is less exact
  const LEAST_PX = 4; // a smaller drag on the screen draws nothing
  const SIDES = [['w', 'n'], ['', 'n'], ['e', 'n'], ['e', ''], ['e', 's'], ['', 's'], ['w', 's'], ['w', '']];
  const LOWER_RIGHT = 4;
  const TOOLS = { v: 'select', b: 'box', p: 'point', a: 'ask' };

  class Editor {
    constructor(viewer) {
      this.viewer = viewer;
      this.tool = 'select';
      this.history = new History();
      this.draft = null; // a box in the making, source pixels
      this.lastLabel = '';
      viewer.parts.details.addEventListener('submit', (event) => event.preventDefault());
      viewer.parts.details.addEventListener('change', () => this.takeDetails());
      viewer.parts.details.addEventListener('keydown', (event) => this.detailsKey(event));
    }

    get value() {
      return this.viewer.value;
    }

    get ready() {
      return Boolean(this.value.src) && !this.value.streaming;
    }

    get region() {
      return this.viewer.active === null ? null : this.viewer.region(this.viewer.active);
    }

    /** Python sent a value. The regions that are here already stay, with their history; of others there is none yet. */
    received(before) {
      const { value } = this;
      if (value.src === before.src && !value.streaming && Editor.told(value) === Editor.told(before)) {
        this.viewer.value = { ...value, regions: before.regions };
        return;
      }
      this.history.forget();
      this.draft = null;
    }

    /** What makes regions the same, whoever wrote them down. */
    static told({ regions }) {
      return JSON.stringify(regions.map(({ kind, label, xyxy, xy, to_xy: to }) => [kind, label, xyxy, xy, to]));
    }

    /* -- Changing the value -- */

    /** Replace the regions for good. */
    commit(regions, active = this.viewer.active, before = this.value.regions) {
      this.history.keep(before);
      this.put(regions, active);
      this.send(this.viewer.port.write);
    }

    /** Replace the regions on the screen only, as while something is being dragged. */
    put(regions, active = this.viewer.active) {
      const labels = [...new Set([...this.value.labels, ...regions.map((region) => region.label)])];
      this.viewer.value = { ...this.value, regions, labels };
      this.viewer.active = active;
      this.viewer.refresh();
      this.viewer.drawDetails();
    }

    send(port) {
      this.viewer.sent = JSON.stringify(this.value);
      port(this.viewer.sent);
    }

    /** Undo the last edit or, with `forth`, do again what was undone. */
    undo(forth = false) {
      const regions = this.ready && this.history.step(this.value.regions, forth);
      if (!regions) return;
      this.put(regions);
      this.send(this.viewer.port.write);
      this.viewer.say(forth ? 'Done again.' : 'Undone.');
    }

    changed(id, change) {
      return this.value.regions.map((region) => (region.id === id ? { ...region, ...change } : region));
    }

    add(kind, place) {
      const id = 1 + Math.max(-1, ...this.value.regions.map((region) => region.id));
      const label = this.lastLabel || this.region?.label || this.value.labels[0] || 'object';
      const region = { id, kind, label, span: null, text: null, attributes: {}, ...place };
      this.viewer.hidden.delete(label);
      this.commit([...this.value.regions, region], id);
      this.viewer.choose(id);
      this.viewer.say(`${label} added.`);
      this.rename();
    }

    remove() {
      const { region } = this;
      if (!region || !this.ready) return;
      const place = this.viewer.visible.indexOf(region);
      const next = this.viewer.visible[place + 1] || this.viewer.visible[place - 1];
      this.commit(this.value.regions.filter((other) => other !== region), next ? next.id : null);
      this.viewer.say(`${region.label || 'Result'} removed.`);
    }

    /** Mark the area to ask about, or with null none. */
    ask(xyxy) {
      this.viewer.value = { ...this.value, ask_xyxy: xyxy };
      this.viewer.drawScreen();
      this.send(this.viewer.port.ask);
    }

    /** Move a region, or with `grow` its right and lower side, by source pixels; nothing leaves the picture. */
    nudge(dx, dy, grow) {
      const { region } = this;
      if (!region || !this.ready || !geometry.bounds(region)) return;
      if (!grow) this.commit(this.changed(region.id, this.moved(region, dx, dy)));
      else if (region.kind === 'box') this.commit(this.changed(region.id, this.resized(region, LOWER_RIGHT, dx, dy)));
    }

    moved(region, dx, dy) {
      const [width, height] = this.value.size_wh;
      const [x1, y1, x2, y2] = geometry.bounds(region);
      const [mx, my] = [clamp(dx, -x1, width - x2), clamp(dy, -y1, height - y2)];
      const shift = (corner) => corner && [corner[0] + mx, corner[1] + my];
      if (region.kind === 'box') return { xyxy: [x1 + mx, y1 + my, x2 + mx, y2 + my] };
      if (region.kind === 'polygon') return { xy: region.xy.map(shift) };
      if (region.kind === 'action') return { xy: shift(region.xy), to_xy: shift(region.to_xy) };
      return region.kind === 'point' ? { xy: shift(region.xy) } : {};
    }

    /** The box after its handle `grip` was moved; pulled over the opposite side it turns around. */
    resized(region, grip, dx, dy) {
      const [x1, y1, x2, y2] = region.xyxy;
      const [h, v] = SIDES[grip];
      const first = [x1 + (h === 'w' ? dx : 0), y1 + (v === 'n' ? dy : 0)];
      const second = [x2 + (h === 'e' ? dx : 0), y2 + (v === 's' ? dy : 0)];
      return { xyxy: this.box(first, second) };
    }

    /** The box between two places, kept inside the picture. */
    box(a, b) {
      const [[x1, y1], [x2, y2]] = [this.bounded(a), this.bounded(b)];
      return [Math.min(x1, x2), Math.min(y1, y2), Math.max(x1, x2), Math.max(y1, y2)];
    }

    bounded([x, y]) {
      const [width, height] = this.value.size_wh;
      const hundredth = (number) => Math.round(number * 100) / 100;
      return [hundredth(clamp(x, 0, width)), hundredth(clamp(y, 0, height))];
    }

    /* -- Pointer -- */

    toSource(at) {
      return this.viewer.camera.toSource(...at);
    }

    beginDrag(start, isTouch) {
      if (!this.ready) return null;
      if (this.tool === 'point') return this.drawPoint();
      if (this.tool !== 'select') return this.drawBox(start);
      const grip = this.gripAt(start, isTouch ? TOUCH_GRIP_PX : GRIP_PX);
      if (grip >= 0) return this.change(start, (region, dx, dy) => this.pulled(region, grip, dx, dy));
      if (this.region && this.viewer.hit(...start) === this.region.id) {
        return this.change(start, (region, dx, dy) => this.moved(region, dx, dy));
      }
      return null;
    }

    drawPoint() {
      return {
        move() {},
        end: (to, cancelled) => {
          if (!cancelled) this.add('point', { xy: this.bounded(this.toSource(to)) });
        },
      };
    }

    drawBox(start) {
      const from = this.toSource(start);
      return {
        move: (to) => {
          this.draft = this.box(from, this.toSource(to));
          this.viewer.drawScreen();
        },
        end: (to, cancelled) => {
          this.draft = null;
          const large = Math.abs(to[0] - start[0]) >= LEAST_PX && Math.abs(to[1] - start[1]) >= LEAST_PX;
          if (large && !cancelled) this.place(this.box(from, this.toSource(to)));
          this.viewer.drawScreen();
        },
      };
    }

    /** A drawn box becomes a region or, with the tool for it, the area to ask about. */
    place(xyxy) {
      if (this.tool !== 'ask') return this.add('box', { xyxy });
      this.choose('select');
      this.ask(xyxy);
    }

    /** Drag the active region; `change` gives what is new about it after a way of (dx, dy) source pixels. */
    change(start, change) {
      const { region } = this;
      const before = this.value.regions;
      let moved = false;
      const { scale } = this.viewer.camera;
      const way = (to) => [(to[0] - start[0]) / scale, (to[1] - start[1]) / scale];
      const shift = (to) => this.changed(region.id, change(region, ...way(to)));
      return {
        move: (to) => {
          moved ||= Math.hypot(to[0] - start[0], to[1] - start[1]) > LEAST_PX;
          if (moved) this.put(shift(to));
        },
        end: (to, cancelled) => {
          if (moved && !cancelled) this.commit(shift(to), region.id, before);
          else if (moved) this.put(before);
        },
      };
    }

    pulled(region, grip, dx, dy) {
      if (region.kind === 'box') return this.resized(region, grip, dx, dy);
      const pull = (corner) => this.bounded([corner[0] + dx, corner[1] + dy]);
      if (region.kind === 'polygon') return { xy: region.xy.map((corner, i) => (i === grip ? pull(corner) : corner)) };
      return grip ? { to_xy: pull(region.to_xy) } : { xy: pull(region.xy) };
    }

    /** Handles of the active region, in the frame. */
    grips() {
      const { region } = this;
      if (!region || !this.ready || this.tool !== 'select') return [];
      if (region.kind === 'box') {
        const [x1, y1, x2, y2] = region.xyxy;
        const side = { w: x1, e: x2, n: y1, s: y2 };
        return SIDES.map(([h, v]) => this.viewer.camera.toFrame(side[h] ?? (x1 + x2) / 2, side[v] ?? (y1 + y2) / 2));
      }
      if (region.kind === 'polygon' || (region.kind === 'action' && region.to_xy)) {
        return geometry.corners(region).map((corner) => this.viewer.camera.toFrame(...corner));
      }
      return [];
    }

    /** The nearest handle within reach, -1 for none. Those of a small region leave its middle free to move it. */
    gripAt([x, y], reach = GRIP_PX) {
      const ways = this.grips().map(([gx, gy]) => Math.hypot(gx - x, gy - y));
      if (!ways.length) return -1;
      const [x1, y1, x2, y2] = geometry.bounds(this.region);
      const third = (Math.min(x2 - x1, y2 - y1) * this.viewer.camera.scale) / 3;
      const nearest = ways.indexOf(Math.min(...ways));
      return ways[nearest] <= Math.min(reach, Math.max(third, 4)) ? nearest : -1;
    }

    hover(at) {
      const grip = this.region?.kind === 'box' ? this.gripAt(at) : -1;
      const cursors = { select: '', box: 'crosshair', point: 'crosshair', ask: 'crosshair' };
      const [h, v] = SIDES[grip] || ['', ''];
      const onActive = this.tool === 'select' && this.ready && this.region && this.viewer.hot === this.viewer.active;
      this.viewer.parts.stage.style.cursor = grip >= 0 ? `${v}${h}-resize` : onActive ? 'move' : cursors[this.tool];
    }

    doubleClick(at) {
      const id = this.viewer.hit(...at);
      if (id === null || !this.ready || this.tool !== 'select') return this.tool !== 'select';
      this.viewer.choose(id);
      this.rename();
      return true;
    }

    /* -- Drawing -- */

    /** Handles, the box in the making and the area to ask about. */
    marks() {
      const rectangle = ([x1, y1, x2, y2]) => {
        const [left, top] = this.viewer.camera.toFrame(x1, y1);
        const [right, bottom] = this.viewer.camera.toFrame(x2, y2);
        return `M${left} ${top}H${right}V${bottom}H${left}Z`;
      };
      const areas = [this.value.ask_xyxy, this.draft].filter(Boolean).map(rectangle);
      return [
        ...areas.flatMap((d) => [{ d, className: 'sv-area-casing' }, { d, className: 'sv-area' }]),
        ...this.grips().map(([x, y]) => ({ d: `M${x - 4} ${y - 4}h8v8h-8z`, className: 'sv-grip' })),
      ];
    }

    drawTools() {
      const { root } = this.viewer;
      this.holdTouch();
      const off = { undo: !this.history.past.length, redo: !this.history.future.length };
      for (const button of root.querySelectorAll('.sv-edit button')) {
        button.disabled = !this.ready || Boolean(off[button.dataset.do]);
        const isTool = button.dataset.do.startsWith('tool-');
        if (isTool) setAttribute(button, 'aria-pressed', String(button.dataset.do === `tool-${this.tool}`));
      }
    }

    /** A finger on the picture edits what is chosen; where nothing is chosen it scrolls the page. */
    holdTouch() {
      this.viewer.parts.stage.classList.toggle('is-editing', Boolean(this.region) && this.ready);
    }

    /** Fields for the active region; fills those already there, so that the one being typed in keeps the focus. */
    drawDetails(details, region) {
      this.holdTouch();
      const shown = region ? `${region.id} ${region.kind} ${this.ready}` : '';
      if (details.dataset.shown !== shown) {
        details.dataset.shown = shown;
        details.replaceChildren();
        if (region) details.append(...this.fields(region));
      }
      if (region) this.fillDetails(details, region);
      return true;
    }

    fields(region) {
      const field = (name, label, type) => {
        const line = create('label');
        const input = create('input');
        Object.assign(input, { name, type, disabled: !this.ready, autocomplete: 'off', step: 'any' });
        line.append(create('small', '', label), input);
        return line;
      };
      const numbers = { box: ['left', 'top', 'right', 'bottom'], point: ['x', 'y'] }[region.kind] || [];
      const remove = create('button', 'sv-remove', 'Remove');
      Object.assign(remove, { type: 'button', disabled: !this.ready, title: 'Remove (Delete)' });
      remove.dataset.do = 'remove';
      const lines = factLines({ Text: region.text, ...region.attributes, ...region.arguments });
      const places = create('div', 'sv-places');
      places.append(...numbers.map((name) => field(name, name, 'number')));
      return [field('label', 'Label', 'text'), places, ...lines, remove];
    }

    fillDetails(details, region) {
      const numbers = region.kind === 'box' ? region.xyxy : region.kind === 'point' ? region.xy : [];
      const values = [region.label, ...numbers.map((number) => String(Math.round(number * 100) / 100))];
      [...details.querySelectorAll('input')].forEach((input, i) => {
        if (input !== document.activeElement) input.value = values[i];
      });
    }

    /** A field was changed: the region takes all of them. */
    takeDetails() {
      const { region } = this;
      if (!region || !this.ready || this.givenUp) return;
      const [label, ...numbers] = [...this.viewer.parts.details.querySelectorAll('input')].map((input) => input.value);
      const place = numbers.map(Number);
      const change = { label: label.trim() };
      if (numbers.every((text) => text.trim() !== '') && place.every(Number.isFinite)) {
        if (region.kind === 'box') change.xyxy = this.box(place.slice(0, 2), place.slice(2));
        if (region.kind === 'point') change.xy = this.bounded(place);
      }
      this.lastLabel = change.label;
      this.viewer.hidden.delete(change.label);
      this.commit(this.changed(region.id, change));
    }

    detailsKey(event) {
      if (event.key !== 'Enter' && event.key !== 'Escape') return;
      if (event.target.tagName !== 'INPUT') return;
      event.preventDefault();
      event.stopPropagation();
      // Leaving a field takes what was typed, unless it was left with Escape.
      this.givenUp = event.key === 'Escape';
      this.viewer.parts.stage.focus({ preventScroll: true });
      this.givenUp = false;
      this.fillDetails(this.viewer.parts.details, this.region);
    }

    rename() {
      const input = this.viewer.parts.details.querySelector('input[name=label]');
      input?.focus({ preventScroll: true });
      input?.select();
    }

    /* -- Tools and keys -- */

    choose(tool) {
      this.tool = tool;
      this.viewer.parts.stage.style.cursor = tool === 'select' ? '' : 'crosshair';
      this.viewer.parts.stage.classList.toggle('is-drawing', tool !== 'select');
      this.drawTools();
      this.viewer.drawScreen();
    }

    /** By keyboard: put a new region into the middle of what is seen, to be moved and resized with Alt and arrows. */
    placeInTheMiddle() {
      if (this.tool === 'select') return this.rename();
      const [width, height] = this.viewer.camera.frame;
      const xy = this.toSource([width / 2, height / 2]);
      if (this.tool === 'point') return this.add('point', { xy: this.bounded(xy) });
      const half = [width / 8, height / 8].map((length) => length / this.viewer.camera.scale);
      return this.place(this.box([xy[0] - half[0], xy[1] - half[1]], [xy[0] + half[0], xy[1] + half[1]]));
    }

    escape() {
      if (this.tool !== 'select') this.choose('select');
      else if (this.value.ask_xyxy) this.ask(null);
      else return false;
      return true;
    }

    actions() {
      return {
        ...Object.fromEntries(Object.values(TOOLS).map((tool) => [`tool-${tool}`, () => this.choose(tool)])),
        undo: () => this.undo(),
        redo: () => this.undo(true),
        remove: () => this.remove(),
      };
    }

    keys() {
      if (!this.ready) return {};
      const arrows = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
      const nudges = Object.entries(arrows).flatMap(([key, [dx, dy]]) => [
        [`Alt+${key}`, () => this.nudge(dx, dy, false)],
        [`Alt+Shift+${key}`, () => this.nudge(dx, dy, true)],
      ]);
      return {
        ...Object.fromEntries(Object.entries(TOOLS).map(([key, tool]) => [key, () => this.choose(tool)])),
        ...Object.fromEntries(nudges),
        Delete: () => this.remove(),
        Backspace: () => this.remove(),
        Enter: () => this.placeInTheMiddle(),
        F2: () => this.rename(),
        'Ctrl+z': () => this.undo(),
        'Ctrl+Shift+z': () => this.undo(true),
        'Ctrl+y': () => this.undo(true),
      };
    }

    keyHelp() {
      return [['V, B, P', 'select; draw a box; set a point'], ['A', 'mark an area to ask about'],
        ['Enter', 'rename; with a drawing tool: place in the middle'], ['Alt + arrows', 'move by one pixel'],
        ['Alt + Shift + arrows', 'resize by one pixel'], ['Delete', 'remove'],
        ['Ctrl + Z', 'undo'], ['Ctrl + Shift + Z', 'do again']];
    }
  }

  window.StudioViewer.Editor = Editor;
})();
