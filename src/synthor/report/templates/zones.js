"use strict";
// Areas as a table that is sorted, filtered and leafed through, and as a map. Work that grows with their number is done in short
// pieces, so that the page answers meanwhile. Texts of others only ever become text nodes.
(() => {
  const ROWS = 50, CLASSES = 6, PIECE = 8;
  const by = (id) => document.getElementById(id);
  const read = (id) => JSON.parse(by(id).textContent);
  const { format } = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });
  const whole = (number) => format(number);
  const make = (tag, text, name) => {
    const found = document.createElement(tag);
    if (text !== undefined) found.textContent = text;
    if (name) found.className = name;
    return found;
  };
  // Does something soon, after whatever the browser has to do meanwhile; timers that call each other would wait for nothing.
  const waiting = [], { port1, port2 } = new MessageChannel();
  port1.onmessage = () => waiting.shift()();
  const soon = (what) => { waiting.push(what); port2.postMessage(0); };
  // Does a step for each of n things, for a few milliseconds at a time, until it is not wanted any more.
  const inPieces = (n, step, done, wanted = () => true) => {
    let at = 0;
    const go = () => {
      if (!wanted()) return;
      const until = performance.now() + PIECE;
      while (at < n && performance.now() < until) step(at++);
      if (at < n) soon(go); else done();
    };
    soon(go);
  };

  let levels;
  const table = by("areas"), body = table.tBodies[0], heads = [...table.tHead.rows[0].cells];
  const level = by("areas-level"), filter = by("areas-name"), range = by("areas-range");
  const before = by("areas-before"), next = by("areas-next");
  const state = { key: 2, down: true, page: 0, order: [] };
  const sorted = new Map([[0, (l) => l.keys ||= l.areas.map(key)], [1, (l) => l.records], [2, (l) => l.errors], [6, (l) => l.offs]]);

  // Numbers inside of names are compared as numbers.
  const key = (name) => name.toLowerCase().replace(/\d+/g, (digits) => digits.padStart(12, "0"));
  const ready = (l) => {
    if (l.errors) return l;
    const n = l.areas.length;
    l.errors = new Float64Array(n);
    l.offs = new Float64Array(n);
    for (const [area, error] of Object.entries(l.error)) l.errors[area] = error;
    for (const [area, cell] of Object.entries(l.worst)) l.offs[area] = Math.abs(cell[4]);
    return l;
  };
  const here = () => ready(levels[level.value]);

  const order = () => {
    const l = here(), text = filter.value.trim().toLowerCase(), values = sorted.get(state.key)(l), turn = state.down ? -1 : 1;
    const found = [];
    for (let area = 0; area < l.areas.length; area++) if (!text || l.areas[area].toLowerCase().includes(text)) found.push(area);
    found.sort((a, b) => {
      const x = values[a], y = values[b];
      return (x < y ? -turn : x > y ? turn : 0) || l.records[b] - l.records[a] || a - b;
    });
    state.order = found;
    state.page = 0;
    draw();
  };
  const row = (l, area) => {
    const cell = l.worst[area] || ["–", "–", "–", "0"], found = make("tr", undefined, l.errors[area] ? "unmet" : "");
    const head = make("th", l.areas[area]);
    head.scope = "row";
    const numbers = [whole(l.records[area]), whole(l.errors[area])].map((text) => make("td", text, "n"));
    found.append(head, ...numbers, make("td", cell[0]), make("td", cell[1], "n"), make("td", cell[2], "n"), make("td", cell[3], "n off"));
    return found;
  };
  const draw = () => {
    const l = here(), n = state.order.length, first = state.page * ROWS, last = Math.min(first + ROWS, n);
    body.replaceChildren(...state.order.slice(first, last).map((area) => row(l, area)));
    range.textContent = n ? `${whole(first + 1)} to ${whole(last)} of ${whole(n)}` : "none is called so";
    before.disabled = !state.page;
    next.disabled = last >= n;
    heads[0].firstChild.textContent = l.name;
    heads.forEach((head, at) => {
      if (!sorted.has(at)) return;
      head.setAttribute("aria-sort", at !== state.key ? "none" : state.down ? "descending" : "ascending");
    });
  };

  const begin = () => {
    levels = read("areas-data");
    levels.forEach((l, at) => level.append(new Option(l.name, at)));
    heads.forEach((head, at) => {
      if (!sorted.has(at)) return;
      const button = make("button", head.textContent);
      button.type = "button";
      button.addEventListener("click", () => {
        state.down = state.key === at ? !state.down : at > 0;
        state.key = at;
        order();
      });
      head.replaceChildren(button);
    });
    level.addEventListener("change", order);
    filter.addEventListener("input", order);
    before.addEventListener("click", () => { state.page--; draw(); });
    next.addEventListener("click", () => { state.page++; draw(); });
    by("areas-tools").hidden = false;
    if (by("areas-some")) by("areas-some").remove();
    soon(order);
    if (by("map")) soon(() => map(levels[0]));
  };
  soon(begin);

  function map(l) {
    const outlines = read("map-data"), n = outlines.length;
    const frame = by("map-frame"), told = by("map-told"), choice = by("map-of"), legend = by("map-legend");
    const [canvas, mark] = [by("map-zones"), by("map-mark")];
    const paths = new Array(n), boxes = new Float32Array(4 * n), drawn = [];
    const view = { k: 1, x: 0, y: 0, base: 1 };
    const size = { w: 1, h: 1, of: [0, 0, 1, 1] };
    let at = -1, shown, round = 0;
    const classes = new Int8Array(n);

    const outline = (zone) => {
      const text = outlines[zone];
      if (!text) return;
      paths[zone] = new Path2D(text);
      let [x, y, left, top, right, bottom] = [0, 0, Infinity, Infinity, -Infinity, -Infinity];
      for (const ring of text.split("z")) {
        const numbers = ring.match(/-?\d+/g);
        if (!numbers) continue;
        for (let i = 0; i + 1 < numbers.length; i += 2) {
          x = i ? x + +numbers[i] : +numbers[i];
          y = i ? y + +numbers[i + 1] : +numbers[i + 1];
          if (x < left) left = x;
          if (x > right) right = x;
          if (y < top) top = y;
          if (y > bottom) bottom = y;
        }
      }
      boxes.set([left, top, right, bottom], 4 * zone);
      drawn.push(zone);
    };

    // --- Colours

    const choices = [["Records", (zone) => l.records[zone], whole]];
    const percent = (number) => `${number.toFixed(1)}%`;
    choices.push(["Error, in % of records", (zone) => (l.records[zone] ? 100 * l.errors[zone] / l.records[zone] : NaN), percent]);
    for (const t of l.tables) {
      const k = t.labels.length;
      t.labels.forEach((label, cell) => choices.push([`${label} of '${t.name}', in %`, (zone) => {
        let all = 0;
        for (let i = 0; i < k; i++) all += t.got[zone * k + i];
        return all ? 100 * t.got[zone * k + cell] / all : NaN;
      }, percent]));
    }
    choices.forEach(([name], i) => choice.append(new Option(name, i)));

    const classify = () => {
      const [, value, text] = shown = choices[choice.value];
      const values = drawn.map(value), known = Float64Array.from(values.filter((v) => v === v)).sort();
      const least = known[0], ends = [];
      // A value that many share, such as no error, is a class of its own.
      const shared = known.filter((v) => v === least).length > known.length / CLASSES;
      const others = shared ? known.filter((v) => v > least) : known, m = CLASSES - (shared ? 1 : 0);
      if (shared) ends.push(least);
      for (let i = 1; i <= m && others.length; i++) {
        const end = others[Math.ceil(i * others.length / m) - 1];
        if (!ends.length || end > ends[ends.length - 1]) ends.push(end);
      }
      const counts = new Array(ends.length + 1).fill(0), lows = new Array(ends.length);
      drawn.forEach((zone, i) => {
        let found = values[i] === values[i] ? ends.findIndex((end) => values[i] <= end) : -1;
        counts[found < 0 ? ends.length : found]++;
        if (found >= 0 && !(lows[found] <= values[i])) lows[found] = values[i];
        classes[zone] = found < 0 ? -1 : ends.length < 2 ? 0 : Math.round(found * (CLASSES - 1) / (ends.length - 1));
      });
      legend.replaceChildren(...ends.map((end, i) => {
        const item = make("li"), low = text(lows[i]), high = text(end);
        const key = item.appendChild(make("i"));
        key.style.background = `var(--class-${ends.length < 2 ? 0 : Math.round(i * (CLASSES - 1) / (ends.length - 1))})`;
        item.append(low === high ? high : `${low} to ${high}`, make("span", ` (${whole(counts[i])})`, "quiet"));
        return item;
      }));
      if (counts[ends.length]) {
        const item = make("li");
        item.appendChild(make("i")).style.background = "var(--none)";
        item.append("no record", make("span", ` (${whole(counts[ends.length])})`, "quiet"));
        legend.append(item);
      }
    };

    // --- Drawing

    const place = (context) => {
      const k = view.base * view.k, [left, top, right, bottom] = size.of;
      const x = size.w / 2 - k * ((left + right) / 2 + view.x), y = size.h / 2 - k * ((top + bottom) / 2 + view.y);
      context.setTransform(k, 0, 0, k, x, y);
      return { k, x, y };
    };
    // What was drawn last is shown, moved and scaled, until it is drawn anew.
    let last;
    const paint = () => {
      const mine = ++round, style = getComputedStyle(document.documentElement), colour = (name) => style.getPropertyValue(name).trim();
      const fills = Array.from({ length: CLASSES }, (_, i) => colour(`--class-${i}`)), none = colour("--none");
      const sheet = make("canvas"), context = sheet.getContext("2d");
      [sheet.width, sheet.height] = [size.w, size.h];
      const { k, x, y } = place(context);
      context.strokeStyle = colour("--seam");
      context.lineWidth = Math.min(1, Math.max(0.3, 40 * view.k / Math.sqrt(n))) * devicePixelRatio / k;
      context.lineJoin = "round";
      const lay = (sheet, scale, left, top) => {
        const front = canvas.getContext("2d");
        front.setTransform(1, 0, 0, 1, 0, 0);
        front.clearRect(0, 0, size.w, size.h);
        front.drawImage(sheet, left, top, sheet.width * scale, sheet.height * scale);
      };
      if (last) lay(last.sheet, k / last.k, x - last.x * k / last.k, y - last.y * k / last.k);
      point();
      inPieces(drawn.length, (i) => {
        const zone = drawn[i], b = 4 * zone;
        if (x + k * boxes[b + 2] < 0 || x + k * boxes[b] > size.w || y + k * boxes[b + 3] < 0 || y + k * boxes[b + 1] > size.h) return;
        context.fillStyle = classes[zone] < 0 ? none : fills[classes[zone]];
        context.fill(paths[zone]);
        context.stroke(paths[zone]);
      }, () => {
        lay(sheet, 1, 0, 0);
        last = { sheet, k, x, y };
        frame.dataset.drawn = round;
      }, () => mine === round);
    };
    const point = () => {
      const context = mark.getContext("2d");
      context.setTransform(1, 0, 0, 1, 0, 0);
      context.clearRect(0, 0, size.w, size.h);
      if (at < 0) return;
      const { k } = place(context), style = getComputedStyle(document.documentElement);
      context.lineJoin = "round";
      for (const [name, width] of [["--paper", 5], ["--mark", 2.5]]) {
        context.strokeStyle = style.getPropertyValue(name).trim();
        context.lineWidth = width * devicePixelRatio / k;
        context.stroke(paths[at]);
      }
    };
    const fit = () => {
      const box = frame.getBoundingClientRect();
      for (const one of [canvas, mark]) {
        one.width = Math.max(1, Math.round(box.width * devicePixelRatio));
        one.height = Math.max(1, Math.round(box.height * devicePixelRatio));
      }
      [size.w, size.h] = [canvas.width, canvas.height];
      const [left, top, right, bottom] = size.of;
      view.base = 0.96 * Math.min(size.w / Math.max(right - left, 1), size.h / Math.max(bottom - top, 1));
      paint();
    };
    const zoom = (factor, x = 0, y = 0) => {
      // The place (x, y), from the middle of the frame, stays where it is.
      const k = Math.min(64, Math.max(1, view.k * factor));
      view.x += x / view.base * (1 / view.k - 1 / k);
      view.y += y / view.base * (1 / view.k - 1 / k);
      view.k = k;
      if (k === 1) view.x = view.y = 0;
      frame.style.touchAction = k > 1 ? "none" : "";
      paint();
    };

    // --- Telling

    const middle = (zone) => [(boxes[4 * zone] + boxes[4 * zone + 2]) / 2, (boxes[4 * zone + 1] + boxes[4 * zone + 3]) / 2];
    const tell = (zone) => {
      if (zone === at) return;
      at = zone;
      point();
      if (zone < 0) return;
      const [name, value, text] = shown, found = value(zone), cell = l.worst[zone];
      const parts = [`${l.name} ${l.areas[zone]}: ${whole(l.records[zone])} record${l.records[zone] === 1 ? "" : "s"}`];
      if (choice.value > 1) parts.push(`${name.replace(/, in %$/, "")}: ${found === found ? text(found) : "–"}`);
      parts.push(cell ? `off by ${whole(l.errors[zone])} in all, most in ${cell[0]}: ${cell[2]} instead of ${cell[1]}` : "all cells met");
      told.textContent = parts.join("; ");
    };
    const under = (event) => {
      const box = frame.getBoundingClientRect(), context = canvas.getContext("2d");
      const px = (event.clientX - box.left) * devicePixelRatio, py = (event.clientY - box.top) * devicePixelRatio;
      const { k, x, y } = place(context), [mx, my] = [(px - x) / k, (py - y) / k];
      for (const zone of drawn) {
        const b = 4 * zone;
        if (mx < boxes[b] || mx > boxes[b + 2] || my < boxes[b + 1] || my > boxes[b + 3]) continue;
        if (context.isPointInPath(paths[zone], px, py)) return zone;
      }
      return -1;
    };
    const go = (dx, dy) => {
      const [x, y] = at < 0 ? [(size.of[0] + size.of[2]) / 2, (size.of[1] + size.of[3]) / 2] : middle(at);
      let [best, least] = [-1, Infinity];
      for (const zone of drawn) {
        if (zone === at) continue;
        const [zx, zy] = middle(zone), along = (zx - x) * dx + (zy - y) * dy, across = Math.abs((zx - x) * dy) + Math.abs((zy - y) * dx);
        if (at >= 0 && (along <= 0 || across > along)) continue;
        const far = at < 0 ? Math.hypot(zx - x, zy - y) : along + 2 * across;
        if (far < least) [best, least] = [zone, far];
      }
      if (best >= 0) show(best);
    };
    const show = (zone) => {
      const [x, y] = middle(zone), [left, top, right, bottom] = size.of;
      const away = [x - (left + right) / 2 - view.x, y - (top + bottom) / 2 - view.y].map((d) => d * view.base * view.k);
      if (Math.abs(away[0]) > size.w / 2 || Math.abs(away[1]) > size.h / 2) {
        [view.x, view.y] = [x - (left + right) / 2, y - (top + bottom) / 2];
        paint();
      }
      tell(zone);
    };
    const find = (zone) => {
      level.value = 0;
      filter.value = l.areas[zone];
      order();
      table.scrollIntoView({ block: "center" });
      filter.focus();
    };

    const listen = () => {
      const keys = {
        ArrowLeft: () => go(-1, 0), ArrowRight: () => go(1, 0), ArrowUp: () => go(0, -1), ArrowDown: () => go(0, 1),
        "+": () => zoom(1.6), "=": () => zoom(1.6), "-": () => zoom(1 / 1.6), 0: () => zoom(0), Enter: () => { if (at >= 0) find(at); },
      };
      frame.addEventListener("keydown", (event) => {
        if (event.ctrlKey || event.metaKey || event.altKey || !keys[event.key]) return;
        event.preventDefault();
        keys[event.key]();
      });
      by("map-in").addEventListener("click", () => zoom(1.6));
      by("map-out").addEventListener("click", () => zoom(1 / 1.6));
      by("map-all").addEventListener("click", () => zoom(0));
      choice.addEventListener("change", () => {
        classify();
        paint();
        const zone = at;
        at = -1;
        tell(zone);
      });
      let from = null;
      frame.addEventListener("pointerdown", (event) => { from = [event.clientX, event.clientY]; });
      addEventListener("pointerup", () => { from = null; });
      frame.addEventListener("pointermove", (event) => {
        if (!from || view.k === 1) return tell(under(event));
        const k = view.base * view.k / devicePixelRatio;
        view.x -= (event.clientX - from[0]) / k;
        view.y -= (event.clientY - from[1]) / k;
        from = [event.clientX, event.clientY];
        paint();
      });
      frame.addEventListener("click", (event) => tell(under(event)));
      frame.addEventListener("dblclick", (event) => {
        const box = frame.getBoundingClientRect();
        zoom(2, (event.clientX - box.left - box.width / 2) * devicePixelRatio, (event.clientY - box.top - box.height / 2) * devicePixelRatio);
      });
      new ResizeObserver(fit).observe(frame);
      matchMedia("(prefers-color-scheme: dark)").addEventListener("change", paint);
    };

    inPieces(n, outline, () => {
      for (const zone of drawn) {
        const b = 4 * zone;
        if (zone === drawn[0]) size.of = [...boxes.slice(b, b + 4)];
        size.of = size.of.map((end, i) => (i < 2 ? Math.min(end, boxes[b + i]) : Math.max(end, boxes[b + i])));
      }
      by("map").hidden = false;
      classify();
      listen();
    });
  }
})();
