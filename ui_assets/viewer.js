/* The linked image viewer: draws a picture, its regions, their list and the answer they came from, and keeps the three
 * pointing at each other. Knows the value that `app/viewer.py` describes. Does not know models or where pictures come
 * from. Changing regions by hand is in `viewer_edit.js`.
 *
 * Every label, text and name in a value is untrusted: it reaches the page through `textContent` and nothing else.
 */
(() => {
  "use strict";

  const SVG = "http://www.w3.org/2000/svg";
  const COLORS = 12; // as many as app/palette.py has
  const ROW_PX = 36; // height of a list row, the same in viewer.css
  const MAX_TAGS = 200; // name tags on the picture at a time; zooming in brings up others
  const DENSE = 2000; // above so many regions, lines go without their dark casing
  const REACH_PX = 10; // how near to a point or a thin line the pointer has to be

  const clamp = (number, low, high) => Math.min(Math.max(number, low), Math.max(low, high));

  function create(name, className, text) {
    const node = document.createElement(name);
    if (className) node.className = className;
    if (text !== undefined) node.textContent = text;
    return node;
  }

  function shape(name, className) {
    const node = document.createElementNS(SVG, name);
    if (className) node.setAttribute("class", className);
    return node;
  }

  /** Set an attribute only when it differs: with thousands of shapes this is what keeps a redraw cheap. */
  function setAttribute(node, name, value) {
    if (node.getAttribute(name) !== value) node.setAttribute(name, value);
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

  /* ---- Geometry of regions, in pixels of the source picture ------------------------------------------------------ */

  // Corners of a 3D box run x slowest, z fastest: an edge joins two corners that differ in one axis.
  const BOX_3D_EDGES = [[0, 1], [2, 3], [4, 5], [6, 7], [0, 2], [1, 3], [4, 6], [5, 7], [0, 4], [1, 5], [2, 6], [3, 7]];

  const geometry = {
    /** All corners of a region; empty when it has no place in the picture. */
    corners(region) {
      if (region.kind === "box") {
        const [x1, y1, x2, y2] = region.xyxy;
        return [[x1, y1], [x2, y1], [x2, y2], [x1, y2]];
      }
      if (region.kind === "point") return [region.xy];
      if (region.kind === "action") return [region.xy, region.to_xy].filter(Boolean);
      return region.xy || [];
    },

    bounds(region) {
      if (region.kind === "box") return region.xyxy;
      const corners = geometry.corners(region);
      if (!corners.length) return null;
      const xs = corners.map((c) => c[0]);
      const ys = corners.map((c) => c[1]);
      return [Math.min(...xs), Math.min(...ys), Math.max(...xs), Math.max(...ys)];
    },

    /** SVG path data. A point is a stroke of no length: its round cap is a dot of the same size at every zoom. */
    path(region) {
      if (region.kind === "box") {
        const [x1, y1, x2, y2] = region.xyxy;
        return `M${x1} ${y1}H${x2}V${y2}H${x1}Z`;
      }
      const corners = geometry.corners(region);
      if (!corners.length) return "";
      if (region.kind === "point") return `M${corners[0].join(" ")}h0`;
      if (region.kind === "action") return `M${corners.map((c) => c.join(" ")).join("L")}${corners.length < 2 ? "h0" : ""}`;
      if (region.kind === "box_3d") {
        return BOX_3D_EDGES.map(([a, b]) => `M${corners[a].join(" ")}L${corners[b].join(" ")}`).join("");
      }
      return `M${corners.map((c) => c.join(" ")).join("L")}Z`;
    },

    /** Whether (x, y) is on the region, give or take `reach` source pixels. */
    contains(region, x, y, reach) {
      const bounds = geometry.bounds(region);
      if (!bounds) return false;
      const [x1, y1, x2, y2] = bounds;
      if (x < x1 - reach || x > x2 + reach || y < y1 - reach || y > y2 + reach) return false;
      if (region.kind === "polygon") return geometry.inside(region.xy, x, y);
      if (region.kind === "action" && region.to_xy) return geometry.distance(region.xy, region.to_xy, x, y) <= reach;
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
      if (region.kind === "action" && !region.xy) return "";
      const round = (pair) => pair.map((n) => Math.round(n)).join(", ");
      if (region.kind === "point") return round(region.xy);
      if (region.kind === "action") return region.to_xy ? `${round(region.xy)} → ${round(region.to_xy)}` : round(region.xy);
      const bounds = geometry.bounds(region);
      return bounds ? `${round(bounds.slice(0, 2))} – ${round(bounds.slice(2))}` : "";
    },
  };

  /* ---- Camera: where the picture lies in the frame ------------------------------------------------------------------ */

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

  /* ---- Name tags that do not cover each other ----------------------------------------------------------------------- */

  class Tags {
    constructor(host) {
      this.host = host;
      this.widths = new Map();
      this.pen = document.createElement("canvas").getContext("2d");
      this.height = 20;
    }

    width(text) {
      if (!this.widths.has(text)) {
        this.pen.font ||= "600 12px system-ui";
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

    /** Place as many `wanted` tags {text, className, bounds (in the frame)} as fit, in their order. */
    place(wanted, frame) {
      const placed = [];
      const h = this.height;
      for (const tag of wanted) {
        if (placed.length >= MAX_TAGS) break;
        const w = this.width(tag.text);
        const [x1, y1, x2, y2] = tag.bounds;
        const seen = [Math.max(x1, 0), Math.max(y1, 0), Math.min(x2, frame[0]), Math.min(y2, frame[1])];
        const free = ([x, y]) =>
          x >= 0 && y >= 0 && x + w <= frame[0] && y + h <= frame[1] &&
          !placed.some((p) => x < p.x + p.w + 2 && p.x < x + w + 2 && y < p.y + h + 2 && p.y < y + h + 2);
        const spot = Tags.spots(seen, w, h).find(free);
        if (spot) placed.push({ tag, x: spot[0], y: spot[1], w });
      }
      this.draw(placed);
    }

    draw(placed) {
      const nodes = pool(this.host, placed.length, () => create("span"));
      placed.forEach(({ tag, x, y, w }, i) => {
        const node = nodes[i];
        if (node.textContent !== tag.text) node.textContent = tag.text;
        if (node.className !== tag.className) node.className = tag.className;
        node.style.maxWidth = `${w}px`;
        node.style.transform = `translate(${Math.round(x)}px, ${Math.round(y)}px)`;
      });
    }
  }

  /* ---- The answer's words --------------------------------------------------------------------------------------------- */

  class AnswerText {
    constructor(details) {
      this.details = details;
      this.box = details.querySelector("pre");
      this.text = "";
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
      this.spans = regions.filter((r) => r.span).map((r) => ({ id: r.id, start: place(r.span[0]), end: place(r.span[1]) }));
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

  /* ---- The list of results: only the rows in sight are in the page --------------------------------------------------- */

  class ResultList {
    constructor(box, name) {
      this.box = box;
      this.name = name;
      this.rows = box.querySelector(".sv-rows");
      this.items = [];
      this.box.addEventListener("scroll", () => this.draw());
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
      const row = create("div");
      row.setAttribute("role", "option");
      row.append(create("i"), create("b"), create("small"));
      return row;
    }

    fill(row, item, place) {
      const { hot, active } = this.state;
      setAttribute(row, "class", `sv-row ${item.color}${item.id === hot ? " is-hot" : ""}${item.id === active ? " is-active" : ""}`);
      setAttribute(row, "id", `${this.name}-${item.id}`);
      setAttribute(row, "data-id", String(item.id));
      setAttribute(row, "aria-selected", String(item.id === active));
      setAttribute(row, "aria-posinset", String(place + 1));
      setAttribute(row, "aria-setsize", String(this.items.length));
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

  /* ---- The viewer ------------------------------------------------------------------------------------------------------ */

  const EMPTY = { src: "", size_wh: [0, 0], regions: [], labels: [], answer: "" };
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
      this.editor = port.editable ? new window.StudioViewer.Editor(this) : null;
      root.classList.toggle("sv-editable", Boolean(this.editor));
      this.listen();
    }

    find() {
      const names = ["stage", "picture", "overlay", "world", "casings", "lines", "spots", "screen", "tags", "empty",
        "legend", "list", "none", "details", "answer", "live", "keys", "scale", "fade"];
      this.parts = Object.fromEntries(names.map((name) => [name, this.root.querySelector(`.sv-${name}`)]));
    }

    /* -- Receiving a value -- */

    /** Take the newest value at the next frame: while an answer streams, values between two frames are never drawn. */
    receive() {
      if (this.pending) return;
      this.pending = true;
      requestAnimationFrame(() => {
        this.pending = false;
        const text = this.port.read();
        if (text && text !== this.sent) this.show(JSON.parse(text));
      });
    }

    show(value) {
      const before = this.value;
      this.value = value;
      if (value.src !== before.src) this.showPicture();
      this.editor?.received(before);
      this.refresh();
      if (before.streaming && !value.streaming) this.say(this.count());
    }

    showPicture() {
      const { picture, stage, empty } = this.parts;
      const { src, size_wh: [w, h], name } = this.value;
      this.hot = this.active = null;
      this.hidden.clear();
      picture.hidden = !src;
      empty.hidden = Boolean(src);
      empty.textContent = "No picture yet.";
      if (src) picture.src = src;
      else picture.removeAttribute("src");
      picture.style.width = `${w}px`;
      picture.style.height = `${h}px`;
      stage.style.setProperty("--aspect", src ? String(w / h) : "1.6");
      stage.setAttribute("aria-label", src ? `Picture ${name || ""}, ${w} by ${h} pixels` : "No picture");
      this.camera.size = [w, h];
      this.camera.fit();
    }

    /** Everything that follows from value, hidden labels and chosen region. */
    refresh() {
      this.visible = this.value.regions.filter((region) => !this.hidden.has(region.label));
      if (!this.visible.some((region) => region.id === this.active)) this.active = null;
      if (!this.visible.some((region) => region.id === this.hot)) this.hot = null;
      this.drawShapes();
      this.drawLegend();
      this.list.show(this.visible.map((region, i) => this.row(region, i)), this);
      this.parts.none.hidden = this.value.regions.length > 0;
      this.parts.none.textContent = this.value.streaming ? "Waiting for the first result…" : "No results.";
      this.parts.none.hidden ||= !this.value.src;
      this.answer.show(this.value.answer, this.value.regions);
      this.drawCamera();
      this.mark();
    }

    row(region, place) {
      return {
        id: region.id,
        color: this.color(region),
        mark: String(place + 1),
        title: region.text || region.label || region.kind.replace("_", " "),
        place: region.text && region.label ? region.label : geometry.words(region),
      };
    }

    color(region) {
      return `sv-c${Math.max(this.value.labels.indexOf(region.label), 0) % COLORS}`;
    }

    region(id) {
      return this.value.regions.find((region) => region.id === id);
    }

    count() {
      const n = this.value.regions.length;
      return n === 1 ? "1 result" : `${n} results`;
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
        const nodes = pool(group, entries.length, () => shape("path"));
        entries.forEach(({ region, d }, i) => {
          setAttribute(nodes[i], "d", d);
          setAttribute(nodes[i], "class", `sv-shape sv-${region.kind} ${this.color(region)}`);
          setAttribute(nodes[i], "data-id", String(region.id));
        });
      });
    }

    /** The regions under the pointer and under the keyboard, above all others. */
    drawSpots() {
      const ids = [...new Set([this.active, this.hot])].filter((id) => id !== null);
      const regions = ids.map((id) => this.region(id));
      const nodes = pool(this.parts.spots, regions.length, () => shape("path"));
      regions.forEach((region, i) => {
        setAttribute(nodes[i], "d", geometry.path(region));
        setAttribute(nodes[i], "class", `sv-shape sv-${region.kind} ${this.color(region)}`);
      });
    }

    drawLegend() {
      const counts = new Map();
      for (const { label } of this.value.regions) counts.set(label, (counts.get(label) || 0) + 1);
      const labels = this.value.labels.filter((label) => counts.has(label));
      const nodes = pool(this.parts.legend, labels.length, Viewer.chip);
      labels.forEach((label, i) => {
        const chip = nodes[i];
        setAttribute(chip, "class", `sv-chip ${this.color({ label })}`);
        setAttribute(chip, "aria-pressed", String(!this.hidden.has(label)));
        setAttribute(chip, "data-place", String(this.value.labels.indexOf(label)));
        setAttribute(chip, "title", this.hidden.has(label) ? "Show" : "Hide");
        chip.children[1].textContent = label || "no label";
        chip.children[2].textContent = String(counts.get(label));
      });
    }

    static chip() {
      const chip = create("button");
      chip.type = "button";
      chip.append(create("i"), create("span"), create("small"));
      return chip;
    }

    /** What depends on zoom and place only. */
    drawCamera() {
      const { scale, x, y } = this.camera;
      const { picture, world, stage } = this.parts;
      picture.style.transform = `translate(${x}px, ${y}px) scale(${scale})`;
      picture.classList.toggle("is-magnified", scale * devicePixelRatio >= 4);
      setAttribute(world, "transform", `matrix(${scale} 0 0 ${scale} ${x} ${y})`);
      stage.classList.toggle("is-zoomed", !this.camera.fitted);
      this.parts.scale.textContent = `${Math.round(scale * 100)}%`;
      this.drawScreen();
      this.drawTags();
    }

    /** Things of a constant size on the screen: arrow heads and, when editing, handles. */
    drawScreen() {
      const marks = this.visible
        .filter((region) => region.kind === "action" && region.to_xy)
        .map((region) => ({ d: this.arrowHead(region), className: `sv-arrow ${this.color(region)}` }));
      marks.push(...(this.editor?.handles() || []));
      const nodes = pool(this.parts.screen, marks.length, () => shape("path"));
      marks.forEach(({ d, className }, i) => {
        setAttribute(nodes[i], "d", d);
        setAttribute(nodes[i], "class", className);
      });
    }

    arrowHead(region) {
      const [x1, y1] = this.camera.toFrame(...region.xy);
      const [x2, y2] = this.camera.toFrame(...region.to_xy);
      const angle = Math.atan2(y2 - y1, x2 - x1);
      const wing = (turn) => `${x2 - 14 * Math.cos(angle + turn)} ${y2 - 14 * Math.sin(angle + turn)}`;
      return `M${x2} ${y2}L${wing(0.45)}L${wing(-0.45)}Z`;
    }

    drawTags() {
      const chosen = (region) => region.id === this.hot || region.id === this.active;
      const wanted = this.visible
        .filter((region) => geometry.bounds(region) && (chosen(region) || !region.text || region.kind === "point"))
        .map((region) => ({ region, text: this.tagText(region), bounds: this.frameBounds(region) }))
        .filter(({ text, bounds: [x1, y1, x2, y2] }) => text && x2 >= 0 && y2 >= 0 && x1 <= this.camera.frame[0] && y1 <= this.camera.frame[1]);
      wanted.sort((a, b) => chosen(b.region) - chosen(a.region));
      for (const tag of wanted) tag.className = `sv-tag ${this.color(tag.region)}${chosen(tag.region) ? " is-hot" : ""}`;
      this.tags.place(wanted, this.camera.frame);
    }

    tagText(region) {
      if (this.value.numbered && region.kind === "point") return String(this.value.regions.indexOf(region) + 1);
      return region.text && !region.label ? region.text : region.label;
    }

    frameBounds(region) {
      const [x1, y1, x2, y2] = geometry.bounds(region);
      const grow = region.kind === "point" || region.kind === "action" ? 8 : 0; // the dot's own size
      const [left, top] = this.camera.toFrame(x1, y1);
      const [right, bottom] = this.camera.toFrame(x2, y2);
      return [left - grow, top - grow, right + grow, bottom + grow];
    }

    /* -- Linking -- */

    /** Show which region is hot and which is active: on the picture, in the list and in the answer. */
    mark() {
      this.drawSpots();
      this.drawTags();
      this.drawScreen();
      this.list.draw();
      this.answer.mark("hot", this.hot);
      this.answer.mark("active", this.active);
      const row = this.active === null ? "" : `${this.name}-${this.active}`;
      for (const part of [this.parts.list, this.parts.stage]) setAttribute(part, "aria-activedescendant", row);
    }

    heat(id) {
      if (id === this.hot) return;
      this.hot = id;
      if (id !== null) this.list.reveal(id);
      this.mark();
    }

    choose(id) {
      this.active = id;
      if (id !== null) {
        const bounds = geometry.bounds(this.region(id));
        this.list.reveal(id);
        if (bounds) {
          this.camera.reveal(bounds);
          this.drawCamera();
        }
      }
      this.mark();
      this.editor?.chosen();
      this.drawDetails();
    }

    /** The next result in the list, `step` rows on, around the ends. */
    walk(step) {
      if (!this.visible.length) return;
      const place = this.visible.findIndex((region) => region.id === this.active);
      const next = place < 0 ? (step > 0 ? 0 : -1) : place + step;
      this.choose(this.visible.at(next % this.visible.length).id);
    }

    /** The smallest region at a place of the frame: what lies inside another can always be reached. */
    hit(x, y) {
      const [sx, sy] = this.camera.toSource(x, y);
      const reach = REACH_PX / this.camera.scale;
      const hits = this.visible.filter((region) => geometry.contains(region, sx, sy, region.kind === "box" ? reach / 4 : reach));
      if (!hits.length) return null;
      return hits.reduce((a, b) => (geometry.area(b) < geometry.area(a) ? b : a)).id;
    }

    drawDetails() {
      const { details } = this.parts;
      const region = this.active === null ? null : this.region(this.active);
      details.hidden = !region;
      details.replaceChildren();
      if (!region) return;
      if (this.editor?.drawDetails(details, region)) return;
      const facts = [["Label", region.label], ["Text", region.text], ["Place", geometry.words(region)],
        ...Object.entries(region.attributes || region.arguments || {})];
      for (const [name, fact] of facts) {
        if (fact === null || fact === undefined || fact === "") continue;
        const line = create("p");
        line.append(create("small", "", name), create("span", "", typeof fact === "string" ? fact : JSON.stringify(fact)));
        details.append(line);
      }
    }

    /* -- Pointer and keys -- */

    listen() {
      const { stage, list, legend, answer } = this.parts;
      new ResizeObserver(() => {
        this.camera.resize(stage.clientWidth, stage.clientHeight);
        if (this.visible) this.drawCamera();
        this.list.draw();
      }).observe(stage);
      this.parts.picture.addEventListener("error", () => this.pictureFailed());
      this.listenToPointer(stage);
      list.addEventListener("pointermove", (event) => this.heat(Viewer.rowId(event)));
      list.addEventListener("pointerleave", () => this.heat(null));
      list.addEventListener("click", (event) => this.choose(Viewer.rowId(event)));
      legend.addEventListener("click", (event) => this.toggleLabel(event.target.closest(".sv-chip")));
      answer.addEventListener("toggle", () => this.mark());
      this.answer.box.addEventListener("pointermove", (event) => this.heat(this.answer.at(event.clientX, event.clientY)));
      this.answer.box.addEventListener("pointerleave", () => this.heat(null));
      this.answer.box.addEventListener("click", (event) => {
        const id = this.answer.at(event.clientX, event.clientY);
        if (id !== null) this.choose(id);
      });
      this.root.addEventListener("keydown", (event) => this.key(event));
      this.root.addEventListener("click", (event) => this.press(event.target.closest("[data-do]")?.dataset.do));
      this.parts.fade.addEventListener("input", (event) => this.fade(event.target.value / 100));
    }

    static rowId(event) {
      const row = event.target.closest(".sv-row");
      return row ? Number(row.dataset.id) : null;
    }

    pictureFailed() {
      this.parts.picture.hidden = true;
      this.parts.empty.hidden = false;
      this.parts.empty.textContent = "The picture could not be shown.";
    }

    toggleLabel(chip) {
      if (!chip) return;
      const label = this.value.labels[Number(chip.dataset.place)];
      if (!this.hidden.delete(label)) this.hidden.add(label);
      this.refresh();
      this.drawDetails();
    }

    fade(strength) {
      this.parts.overlay.style.opacity = strength;
      this.parts.tags.style.opacity = strength;
    }

    /** Where a pointer event is in the frame. */
    at(event) {
      const frame = this.parts.stage.getBoundingClientRect();
      return [event.clientX - frame.left - this.parts.stage.clientLeft, event.clientY - frame.top - this.parts.stage.clientTop];
    }

    listenToPointer(stage) {
      const fingers = new Map();
      let drag = null;
      stage.addEventListener("wheel", (event) => this.wheel(event), { passive: false });
      stage.addEventListener("pointerdown", (event) => {
        if (!this.value.src || event.target.closest("button")) return;
        fingers.set(event.pointerId, this.at(event));
        drag = fingers.size > 1 ? null : this.beginDrag(event);
        if (drag || fingers.size > 1) stage.setPointerCapture(event.pointerId);
      });
      stage.addEventListener("pointermove", (event) => {
        const from = fingers.get(event.pointerId);
        const to = this.at(event);
        if (fingers.size === 2 && from) this.pinch(fingers, event.pointerId, to);
        else if (drag) drag.move(to, event);
        else if (event.pointerType !== "touch") this.hover(to);
        if (from) fingers.set(event.pointerId, to);
      });
      for (const name of ["pointerup", "pointercancel"]) {
        stage.addEventListener(name, (event) => {
          fingers.delete(event.pointerId);
          drag?.end(this.at(event), name === "pointercancel");
          drag = null;
        });
      }
      stage.addEventListener("pointerleave", () => this.heat(null));
      stage.addEventListener("dblclick", (event) => this.doubleClick(event));
    }

    hover(at) {
      this.heat(this.hit(...at));
      this.editor?.hover(at);
    }

    /** Something that follows the pointer until it is lifted: an edit, or moving the picture; without way, a click. */
    beginDrag(event) {
      const start = this.at(event);
      const edit = event.button === 0 ? this.editor?.beginDrag(start) : null;
      if (edit) return edit;
      if (event.button > 1) return null;
      let last = start;
      let way = 0;
      return {
        move: (to) => {
          way += Math.hypot(to[0] - last[0], to[1] - last[1]);
          if (way > 4) {
            this.camera.pan(to[0] - last[0], to[1] - last[1]);
            this.drawCamera();
          }
          last = to;
        },
        end: (to, cancelled) => {
          if (way <= 4 && !cancelled) this.choose(this.hit(...to));
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
      this.drawCamera();
    }

    pinch(fingers, moved, to) {
      const from = fingers.get(moved);
      const other = [...fingers].find(([id]) => id !== moved)[1];
      const apart = (a, b) => Math.hypot(a[0] - b[0], a[1] - b[1]) || 1;
      const middle = [(to[0] + other[0]) / 2, (to[1] + other[1]) / 2];
      this.camera.zoom(apart(to, other) / apart(from, other), ...middle);
      this.camera.pan((to[0] - from[0]) / 2, (to[1] - from[1]) / 2);
      this.drawCamera();
    }

    key(event) {
      if (event.target.matches("input, textarea, select") || event.target.closest("dialog")) return;
      const name = (event.ctrlKey || event.metaKey ? "Ctrl+" : "") + (event.altKey ? "Alt+" : "") +
        (event.shiftKey && event.key.length > 1 ? "Shift+" : "") + (event.key.length === 1 ? event.key.toLowerCase() : event.key);
      const action = this.keys()[name];
      // Enter and Space belong to the button that has the focus.
      if (!action || (event.target.matches("button, summary") && /^(Enter| )$/.test(event.key))) return;
      event.preventDefault();
      event.stopPropagation();
      action();
    }

    keys() {
      const pan = (dx, dy) => () => { this.camera.pan(dx, dy); this.drawCamera(); };
      const zoom = (factor) => () => { this.camera.zoom(factor); this.drawCamera(); };
      return {
        ArrowDown: () => this.walk(1),
        ArrowRight: () => this.walk(1),
        ArrowUp: () => this.walk(-1),
        ArrowLeft: () => this.walk(-1),
        Home: () => { this.active = null; this.walk(1); },
        End: () => { this.active = null; this.walk(-1); },
        "Shift+ArrowDown": pan(0, -48),
        "Shift+ArrowRight": pan(-48, 0),
        "Shift+ArrowUp": pan(0, 48),
        "Shift+ArrowLeft": pan(48, 0),
        "+": zoom(1.25),
        "=": zoom(1.25),
        "-": zoom(0.8),
        0: () => this.press("fit"),
        1: () => { this.camera.zoom(1 / this.camera.scale); this.drawCamera(); },
        f: () => this.press("full"),
        h: () => this.hideActive(),
        Escape: () => this.escape(),
        "?": () => this.press("keys"),
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

    escape() {
      if (this.editor?.escape()) return;
      if (this.active !== null) this.choose(null);
      else if (!this.camera.fitted) this.press("fit");
    }

    press(name) {
      const actions = {
        "zoom-in": () => this.camera.zoom(1.25),
        "zoom-out": () => this.camera.zoom(0.8),
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
      const rows = [["↑ ↓ ← →", "next and previous result"], ["Home, End", "first and last result"],
        ["H", "hide the label; again: show all"], ["+ −", "zoom, also with the wheel or two fingers"],
        ["0, 1", "fit to the frame; one pixel to one"], ["Shift + arrows", "move the picture"],
        ["F", "full screen"], ["Esc", "let go, then fit"], ...(this.editor?.keyHelp() || []), ["?", "these keys"]];
      const table = create("dl");
      for (const [keys, meaning] of rows) table.append(create("dt", "", keys), create("dd", "", meaning));
      const close = create("button", "", "Close");
      close.type = "button";
      close.addEventListener("click", () => this.parts.keys.close());
      this.parts.keys.replaceChildren(create("h3", "", "Keys"), table, close);
      this.parts.keys.showModal();
    }
  }

  window.StudioViewer = {
    /** Bring the viewer inside `element` to life. `port` is the way to and from Python, see `app/viewer.py`. */
    mount(element, port) {
      const viewer = new Viewer(element.querySelector(".sv"), port);
      port.watch(() => viewer.receive());
      viewer.receive();
      return viewer;
    },
    geometry, create, shape, clamp,
  };
})();
