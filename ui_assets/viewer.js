/* The linked image viewer: draws a picture, its regions, their list and the answer they came from, and keeps the three
 * pointing at each other. Knows the value that `app/viewer.py` describes. Does not know models or where pictures come
 * from. Its parts are in `viewer_parts.js`, changing regions by hand in `viewer_edit.js`; both are loaded before.
 */
(() => {
  'use strict';

  const { geometry, Camera, Tags, AnswerText, ResultList, Editor } = window.StudioViewer;
  const { create, shape, setAttribute, factLines, pool, keyName, showKeys, receiver } = window.StudioViewer;
  const COLORS = 12; // as many as app/palette.py has
  const DENSE = 2000; // above so many regions, lines go without their dark casing
  const REACH_PX = 10; // how near to a point or a thin line the pointer has to be
  const TOUCH_REACH_PX = 22;

  const EMPTY = { src: '', size_wh: [0, 0], regions: [], labels: [], answer: '' };
  let viewers = 0;

  class Viewer {
    constructor(root, port) {
      this.root = root;
      this.port = port;
      this.name = `sv${viewers++}`;
      this.value = EMPTY;
      this.hidden = new Set(); // labels that are not shown
      this.hot = null; // id under the pointer
      this.active = null; // id chosen by click or key
      this.camera = new Camera();
      this.find();
      this.tags = new Tags(this.parts.tags);
      this.answer = new AnswerText(this.parts.answer);
      this.list = new ResultList(this.parts.list, this.name);
      this.editor = port.editable ? new Editor(this) : null;
      root.classList.toggle('sv-editable', Boolean(this.editor));
      this.listen();
    }

    find() {
      const names = ['stage', 'picture', 'overlay', 'world', 'casings', 'lines', 'spots', 'screen', 'top', 'tags', 'empty',
        'legend', 'list', 'none', 'details', 'answer', 'live', 'keys', 'scale', 'fade'];
      this.parts = Object.fromEntries(names.map((name) => [name, this.root.querySelector(`.sv-${name}`)]));
    }

    /* -- Receiving a value -- */

    show(value) {
      const before = this.value;
      this.value = value;
      if (value.src !== before.src) this.showPicture();
      this.editor?.received(before);
      this.forget(before);
      this.refresh();
      this.drawDetails(); // what is chosen may lie elsewhere now
      if (before.streaming && !value.streaming) this.say(this.count());
    }

    /** An id is a place in the answer: in another answer something else stands there, and nobody chose that. */
    forget(before) {
      const [was, is] = [before, this.value].map(({ regions }) => regions.find(({ id }) => id === this.active));
      if (was?.kind !== is?.kind || was?.label !== is?.label) this.active = null;
    }

    showPicture() {
      const { picture, stage, empty } = this.parts;
      const { src, size_wh: [w, h], name } = this.value;
      this.hot = this.active = null;
      this.hidden.clear();
      picture.hidden = !src;
      empty.hidden = Boolean(src);
      empty.textContent = 'No picture yet.';
      if (src) picture.src = src;
      else picture.removeAttribute('src');
      picture.style.width = `${w}px`;
      picture.style.height = `${h}px`;
      stage.style.setProperty('--aspect', src ? String(w / h) : '1.6');
      stage.setAttribute('aria-label', src ? `Picture ${name || ''}, ${w} by ${h} pixels` : 'No picture');
      this.camera.size = [w, h];
      this.camera.fit();
    }

    /** Everything that follows from value, hidden labels and chosen region. */
    refresh() {
      this.visible = this.value.regions.filter((region) => !this.hidden.has(region.label));
      if (this.active !== null && !this.visible.some((region) => region.id === this.active)) {
        this.active = null;
        this.drawDetails();
      }
      if (!this.visible.some((region) => region.id === this.hot)) this.hot = null;
      this.drawShapes();
      this.drawLegend();
      this.list.show(this.visible.map((region, i) => this.row(region, i)), this);
      this.parts.none.hidden = this.value.regions.length > 0;
      this.parts.none.textContent = this.value.streaming ? 'Waiting for the first result…' : 'No results.';
      this.parts.none.hidden ||= !this.value.src;
      this.answer.show(this.value.answer, this.value.regions);
      this.drawCamera();
      this.mark();
      this.editor?.drawTools();
    }

    row(region, place) {
      return {
        id: region.id,
        color: this.color(region),
        mark: String(place + 1),
        title: region.text || region.label || region.kind.replace('_', ' '),
        place: Viewer.placeWords(region),
      };
    }

    /** Beside the title: the label of a text, what an action types, else the place. */
    static placeWords(region) {
      if (region.text && region.label && region.label !== region.text) return region.label;
      return [geometry.words(region), region.arguments?.text].filter(Boolean).join(' · ');
    }

    color(region) {
      return `sv-c${Math.max(this.value.labels.indexOf(region.label), 0) % COLORS}`;
    }

    region(id) {
      return this.value.regions.find((region) => region.id === id);
    }

    count() {
      const n = this.value.regions.length;
      return n === 1 ? '1 result' : `${n} results`;
    }

    say(text) {
      this.parts.live.textContent = text;
    }

    /* -- Drawing -- */

    drawShapes() {
      const { casings, lines } = this.parts;
      const drawn = this.visible.map((region) => ({ region, d: geometry.path(region) })).filter(({ d }) => d);
      const cased = drawn.length <= DENSE ? drawn : [];
      [[casings, cased], [lines, drawn]].forEach(([group, entries]) => {
        const nodes = pool(group, entries.length, () => shape('path'));
        entries.forEach(({ region, d }, i) => {
          setAttribute(nodes[i], 'd', d);
          setAttribute(nodes[i], 'class', `sv-shape sv-${region.kind} ${this.color(region)}`);
          setAttribute(nodes[i], 'data-id', String(region.id));
        });
      });
    }

    /** The regions under the pointer and under the keyboard, above all others, on a layer of their own: whatever the
     *  pointer does, thousands of shapes below are not painted again. */
    drawSpots() {
      const regions = this.spotted();
      const nodes = pool(this.parts.spots, regions.length, () => shape('path'));
      regions.forEach((region, i) => {
        setAttribute(nodes[i], 'd', geometry.path(region));
        setAttribute(nodes[i], 'class', `sv-shape sv-${region.kind} ${this.color(region)}`);
      });
    }

    /** The regions under the keyboard and under the pointer. */
    spotted() {
      return [...new Set([this.active, this.hot])].filter((id) => id !== null).map((id) => this.region(id));
    }

    drawLegend() {
      const counts = new Map();
      for (const { label } of this.value.regions) counts.set(label, (counts.get(label) || 0) + 1);
      const labels = this.value.labels.filter((label) => counts.has(label));
      const nodes = pool(this.parts.legend, labels.length, Viewer.chip);
      labels.forEach((label, i) => {
        const chip = nodes[i];
        setAttribute(chip, 'class', `sv-chip ${this.color({ label })}`);
        setAttribute(chip, 'aria-pressed', String(!this.hidden.has(label)));
        setAttribute(chip, 'data-place', String(this.value.labels.indexOf(label)));
        setAttribute(chip, 'title', this.hidden.has(label) ? 'Show' : 'Hide');
        chip.children[1].textContent = label || 'no label';
        chip.children[2].textContent = String(counts.get(label));
      });
    }

    static chip() {
      const chip = create('button');
      chip.type = 'button';
      chip.append(create('i'), create('span'), create('small'));
      return chip;
    }

    /** Do what pointer events ask for once a frame, however many came: drawing between two of them would have the page
     *  measured anew for the second. `camera`: it was moved; `hover`: where the pointer is now. */
    atNextFrame(work) {
      this.waiting = { ...this.waiting, ...work };
      this.frame ??= requestAnimationFrame(() => {
        const { camera, hover } = this.waiting;
        this.frame = null;
        this.waiting = {};
        if (camera) this.drawCamera();
        if (hover) this.hover(hover);
      });
    }

    /** What depends on zoom and place only. */
    drawCamera() {
      this.moveLayers();
      this.drawScreen();
      this.drawTags();
    }

    moveLayers() {
      const { scale, x, y } = this.camera;
      const { picture, world, spots, stage } = this.parts;
      picture.style.transform = `translate(${x}px, ${y}px) scale(${scale})`;
      picture.classList.toggle('is-magnified', scale * devicePixelRatio >= 4);
      for (const layer of [world, spots]) setAttribute(layer, 'transform', `matrix(${scale} 0 0 ${scale} ${x} ${y})`);
      stage.classList.toggle('is-zoomed', !this.camera.fitted);
      const percent = `${Math.round(scale * 100)}%`;
      this.parts.scale.textContent = percent;
      setAttribute(this.parts.scale, 'aria-label', `${percent}, fit to the frame`);
    }

    /** Things of a constant size on the screen: arrow heads and, when editing, handles. */
    drawScreen() {
      const marks = this.visible
        .filter((region) => region.kind === 'action' && region.to_xy)
        .map((region) => ({ d: this.arrowHead(region), className: `sv-arrow ${this.color(region)}` }));
      marks.push(...(this.editor?.marks() || []));
      const nodes = pool(this.parts.screen, marks.length, () => shape('path'));
      marks.forEach(({ d, className }, i) => {
        setAttribute(nodes[i], 'd', d);
        setAttribute(nodes[i], 'class', className);
      });
    }

    arrowHead(region) {
      const [x1, y1] = this.camera.toFrame(...region.xy);
      const [x2, y2] = this.camera.toFrame(...region.to_xy);
      const angle = Math.atan2(y2 - y1, x2 - x1);
      const wing = (turn) => `${x2 - 14 * Math.cos(angle + turn)} ${y2 - 14 * Math.sin(angle + turn)}`;
      return `M${x2} ${y2}L${wing(0.45)}L${wing(-0.45)}Z`;
    }

    /** Find places for the name tags anew, after the regions or the camera have changed. */
    drawTags() {
      const wanted = this.visible.filter((region) => !region.text || region.kind === 'point');
      this.tags.place(this.tagsOf(wanted), this.camera.frame);
      this.markTags();
    }

    markTags() {
      this.tags.draw(this.tagsOf(this.spotted()));
    }

    /** The name tags of those regions that are in sight. */
    tagsOf(regions) {
      const [width, height] = this.camera.frame;
      const inSight = ([x1, y1, x2, y2]) => x2 >= 0 && y2 >= 0 && x1 <= width && y1 <= height;
      return regions
        .filter((region) => geometry.bounds(region))
        .map((region) => ({
          id: region.id,
          text: this.tagText(region),
          className: `sv-tag ${this.color(region)}`,
          bounds: this.frameBounds(region),
        }))
        .filter(({ text, bounds }) => text && inSight(bounds));
    }

    tagText(region) {
      if (this.value.numbered && region.kind === 'point') return String(this.value.regions.indexOf(region) + 1);
      if (region.kind === 'action') return this.actionWords(region);
      return region.text && !region.label ? region.text : region.label;
    }

    /** Of several actions, which comes when. */
    actionWords(region) {
      const actions = this.value.regions.filter(({ kind }) => kind === 'action');
      return actions.length > 1 ? `${actions.indexOf(region) + 1}. ${region.label}` : region.label;
    }

    frameBounds(region) {
      const [x1, y1, x2, y2] = geometry.bounds(region);
      const grow = region.kind === 'point' || region.kind === 'action' ? 8 : 0; // the dot's own size
      const [left, top] = this.camera.toFrame(x1, y1);
      const [right, bottom] = this.camera.toFrame(x2, y2);
      return [left - grow, top - grow, right + grow, bottom + grow];
    }

    /* -- Linking -- */

    /** Show which region is hot and which is active: on the picture, in the list and in the answer; and tell the page,
     *  which may show the regions in a form of its own. */
    mark() {
      // Answer and list measure the page: before anything is written, that is cheap.
      this.answer.mark('hot', this.hot);
      this.answer.mark('active', this.active);
      this.list.draw();
      this.drawSpots();
      this.markTags();
      this.drawScreen();
      setAttribute(this.parts.list, 'aria-activedescendant', this.active === null ? '' : `${this.name}-${this.active}`);
      const detail = { hot: this.hot, active: this.active };
      this.root.dispatchEvent(new CustomEvent('sv-mark', { bubbles: true, detail }));
    }

    /** `wanted` itself if it is here: a linked page may still speak of what has gone. */
    known(wanted) {
      return this.region(wanted) ? wanted : null;
    }

    heat(wanted) {
      const id = this.known(wanted);
      if (id === this.hot) return;
      this.hot = id;
      if (id !== null) this.list.reveal(id);
      this.mark();
    }

    choose(wanted) {
      const id = this.known(wanted);
      this.active = id;
      this.drawDetails(); // first: they take room from the list
      if (id !== null) {
        const bounds = geometry.bounds(this.region(id));
        this.list.reveal(id);
        if (bounds) this.camera.reveal(bounds);
        this.drawCamera();
        this.tell(id);
      }
      this.mark();
    }

    /** With the focus on the picture a screen reader does not follow the list: say what was chosen. */
    tell(id) {
      if (document.activeElement !== this.parts.stage) return;
      const place = this.visible.findIndex((region) => region.id === id);
      const { title, place: where } = this.row(this.visible[place], place);
      this.say(`${[title, where].filter(Boolean).join(', ')}; ${place + 1} of ${this.visible.length}`);
    }

    /** The next result in the list, `step` rows on, around the ends. */
    walk(step) {
      this.walkFrom(this.active, step);
    }

    walkFrom(id, step) {
      if (!this.visible?.length) return;
      const place = this.visible.findIndex((region) => region.id === id);
      const next = place < 0 ? (step > 0 ? 0 : -1) : place + step;
      this.choose(this.visible.at(next % this.visible.length).id);
    }

    /** The smallest region at a place of the frame: what lies inside another can always be reached. */
    hit(x, y, reachPx = REACH_PX) {
      const [sx, sy] = this.camera.toSource(x, y);
      const reach = reachPx / this.camera.scale;
      const near = (region) => geometry.contains(region, sx, sy, region.kind === 'box' ? reach / 4 : reach);
      const hits = this.visible.filter(near);
      if (!hits.length) return null;
      return hits.reduce((a, b) => (geometry.area(b) < geometry.area(a) ? b : a)).id;
    }

    drawDetails() {
      const { details } = this.parts;
      const region = this.active === null ? null : this.region(this.active);
      details.hidden = !region;
      if (this.editor?.drawDetails(details, region)) return;
      details.replaceChildren();
      if (!region) return;
      const said = { Label: region.label, Text: region.text, Place: geometry.words(region) };
      details.append(...factLines({ ...said, ...region.attributes, ...region.arguments }));
    }

    /* -- Pointer and keys -- */

    listen() {
      const { stage, list, legend, answer } = this.parts;
      new ResizeObserver(() => {
        this.camera.resize(stage.clientWidth, stage.clientHeight);
        if (this.visible) this.drawCamera();
        this.list.draw();
      }).observe(stage);
      this.parts.picture.addEventListener('error', () => this.pictureFailed());
      this.listenToPointer(stage);
      list.addEventListener('pointermove', (event) => this.heat(Viewer.rowId(event)));
      list.addEventListener('pointerleave', () => this.heat(null));
      list.addEventListener('click', (event) => this.choose(Viewer.rowId(event)));
      legend.addEventListener('click', (event) => this.toggleLabel(event.target.closest('.sv-chip')));
      answer.addEventListener('toggle', () => this.mark());
      const said = (event) => this.answer.at(event.clientX, event.clientY);
      this.answer.box.addEventListener('pointermove', (event) => this.heat(said(event)));
      this.answer.box.addEventListener('pointerleave', () => this.heat(null));
      this.answer.box.addEventListener('click', (event) => this.choose(said(event) ?? this.active));
      this.root.addEventListener('keydown', (event) => this.key(event));
      this.root.addEventListener('click', (event) => this.press(event.target.closest('[data-do]')?.dataset.do));
      this.parts.fade.addEventListener('input', (event) => this.fade(event.target.value / 100));
    }

    static rowId(event) {
      const row = event.target.closest('.sv-row');
      return row ? Number(row.dataset.id) : null;
    }

    pictureFailed() {
      this.parts.picture.hidden = true;
      this.parts.empty.hidden = false;
      this.parts.empty.textContent = 'The picture could not be shown.';
    }

    toggleLabel(chip) {
      if (!chip) return;
      const label = this.value.labels[Number(chip.dataset.place)];
      if (!this.hidden.delete(label)) this.hidden.add(label);
      this.refresh();
      this.drawDetails();
    }

    fade(strength) {
      const { overlay, top, tags } = this.parts;
      for (const layer of [overlay, top, tags]) layer.style.opacity = strength;
    }

    /** Where a pointer event is in the frame. */
    at(event) {
      const frame = this.parts.stage.getBoundingClientRect();
      return [event.clientX - frame.left, event.clientY - frame.top];
    }

    listenToPointer(stage) {
      const fingers = new Map();
      let drag = null;
      stage.addEventListener('wheel', (event) => this.wheel(event), { passive: false });
      stage.addEventListener('pointerdown', (event) => {
        if (!this.value.src || event.target.closest('button')) return;
        fingers.set(event.pointerId, this.at(event));
        drag = fingers.size > 1 ? null : this.beginDrag(event);
        if (drag || fingers.size > 1) stage.setPointerCapture(event.pointerId);
      });
      stage.addEventListener('pointermove', (event) => {
        const from = fingers.get(event.pointerId);
        const to = this.at(event);
        if (fingers.size === 2 && from) this.pinch(fingers, event.pointerId, to);
        else if (drag) drag.move(to, event);
        else if (event.pointerType !== 'touch') this.atNextFrame({ hover: to });
        if (from) fingers.set(event.pointerId, to);
      });
      for (const name of ['pointerup', 'pointercancel']) {
        stage.addEventListener(name, (event) => {
          fingers.delete(event.pointerId);
          drag?.end(this.at(event), name === 'pointercancel');
          drag = null;
        });
      }
      stage.addEventListener('pointerleave', () => {
        this.atNextFrame({ hover: null });
        this.heat(null);
      });
      stage.addEventListener('dblclick', (event) => this.doubleClick(event));
    }

    hover(at) {
      this.heat(this.hit(...at));
      this.editor?.hover(at);
    }

    /** Something that follows the pointer until it is lifted: an edit, or moving the picture; without way, a click. */
    beginDrag(event) {
      const start = this.at(event);
      const isTouch = event.pointerType === 'touch';
      const edit = event.button === 0 ? this.editor?.beginDrag(start, isTouch) : null;
      if (edit) return edit;
      if (event.button > 1) return null;
      let last = start;
      let way = 0;
      return {
        move: (to) => {
          way += Math.hypot(to[0] - last[0], to[1] - last[1]);
          if (way > 4) {
            this.camera.pan(to[0] - last[0], to[1] - last[1]);
            this.atNextFrame({ camera: true });
          }
          last = to;
        },
        end: (to, cancelled) => {
          if (way <= 4 && !cancelled) this.choose(this.hit(...to, isTouch ? TOUCH_REACH_PX : REACH_PX));
        },
      };
    }

    doubleClick(event) {
      if (this.editor?.doubleClick(this.at(event))) return;
      if (this.camera.fitted) this.camera.zoom(2.5, ...this.at(event));
      else this.camera.fit();
      this.drawCamera();
    }

    /** The wheel zooms where pictures are worked on; where they are read beside text, it zooms with Ctrl only. */
    wheel(event) {
      const pinch = event.ctrlKey || event.metaKey;
      if (!this.value.src || (!pinch && !this.editor)) return;
      if (!pinch && event.deltaY > 0 && this.camera.fitted) return;
      event.preventDefault();
      const lines = event.deltaMode === WheelEvent.DOM_DELTA_LINE ? 16 : 1;
      this.camera.zoom(Math.exp(-event.deltaY * lines * (pinch ? 0.01 : 0.002)), ...this.at(event));
      this.atNextFrame({ camera: true });
    }

    pinch(fingers, moved, to) {
      const from = fingers.get(moved);
      const other = [...fingers].find(([id]) => id !== moved)[1];
      const apart = (a, b) => Math.hypot(a[0] - b[0], a[1] - b[1]) || 1;
      const middle = [(to[0] + other[0]) / 2, (to[1] + other[1]) / 2];
      this.camera.zoom(apart(to, other) / apart(from, other), ...middle);
      this.camera.pan((to[0] - from[0]) / 2, (to[1] - from[1]) / 2);
      this.atNextFrame({ camera: true });
    }

    key(event) {
      if (event.target.matches('input, textarea, select') || event.target.closest('dialog')) return;
      // Enter and Space belong to the button that has the focus.
      if (event.target.matches('button, summary') && /^(Enter| )$/.test(event.key)) return;
      const action = this.keys()[keyName(event)];
      if (!action || action() === false) return;
      event.preventDefault();
      event.stopPropagation();
    }

    /** What each key does; an action that gives back `false` leaves the key to the page. */
    keys() {
      const move = (change) => () => { change(this.camera); this.drawCamera(); };
      return {
        ArrowDown: () => this.walk(1),
        ArrowRight: () => this.walk(1),
        ArrowUp: () => this.walk(-1),
        ArrowLeft: () => this.walk(-1),
        Home: () => this.walkFrom(null, 1),
        End: () => this.walkFrom(null, -1),
        'Shift+ArrowDown': move((camera) => camera.pan(0, -48)),
        'Shift+ArrowRight': move((camera) => camera.pan(-48, 0)),
        'Shift+ArrowUp': move((camera) => camera.pan(0, 48)),
        'Shift+ArrowLeft': move((camera) => camera.pan(48, 0)),
        '+': move((camera) => camera.zoom(1.25)),
        '=': move((camera) => camera.zoom(1.25)),
        '-': move((camera) => camera.zoom(0.8)),
        0: move((camera) => camera.fit()),
        1: move((camera) => camera.zoom(1 / camera.scale)),
        f: () => this.press('full'),
        h: () => this.hideActive(),
        '?': () => this.press('keys'),
        Escape: () => this.escape(),
        ...this.editor?.keys(),
      };
    }

    hideActive() {
      const region = this.active === null ? null : this.region(this.active);
      if (region) this.hidden.add(region.label);
      else this.hidden.clear();
      this.refresh();
      this.drawDetails();
    }

    /** Let go of one thing; `false` when there is nothing left to let go of. */
    escape() {
      if (this.editor?.escape()) return true;
      if (this.active !== null) this.choose(null);
      else if (!this.camera.fitted) this.press('fit');
      else return false;
      return true;
    }

    press(name) {
      const actions = {
        'zoom-in': () => this.camera.zoom(1.25),
        'zoom-out': () => this.camera.zoom(0.8),
        fit: () => this.camera.fit(),
        full: () => (document.fullscreenElement ? document.exitFullscreen() : this.root.requestFullscreen()),
        keys: () => this.showKeys(),
        ...this.editor?.actions(),
      };
      if (!actions[name]) return;
      actions[name]();
      this.drawCamera();
    }

    showKeys() {
      const rows = [['↑ ↓ ← →', 'next and previous result'], ['Home, End', 'first and last result'],
        ['H', 'hide the label; again: show all'], ['+ −', 'zoom, also with the wheel or two fingers'],
        ['0, 1', 'fit to the frame; one pixel to one'], ['Shift + arrows', 'move the picture'],
        ['F', 'full screen'], ['Esc', 'let go, then fit'], ...(this.editor?.keyHelp() || []), ['?', 'these keys']];
      showKeys(this.parts.keys, rows);
    }
  }

  /** Bring the viewer inside `element` to life, and give it to the page as `viewer` of its `.sv`. `port` is the way to and
   *  from Python, see `app/viewer.py`. */
  window.StudioViewer.mount = (element, port) => {
    const viewer = new Viewer(element.querySelector('.sv'), port);
    viewer.root.viewer = viewer;
    const receive = receiver(port, () => viewer.sent, (value) => viewer.show(value));
    port.watch(receive);
    receive();
    return viewer;
  };
})();
