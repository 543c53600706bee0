// The map: thousands of points on a canvas, redrawn whole (a few milliseconds) on every change.
(() => {
  const source = document.getElementById("map-data");
  if (!source) return;
  const data = JSON.parse(source.textContent);
  const figure = document.getElementById("map");
  const canvas = figure.querySelector("canvas");
  const pen = canvas.getContext("2d");
  const radios = [...document.querySelectorAll("input[name=model]")];
  const n = data.x.length;
  figure.hidden = false;

  let model = 0, hidden = new Set(), lit = null, at = -1;
  let view = { scale: 1, x: 0, y: 0 };
  let width = 0, height = 0, px = new Float64Array(n), py = new Float64Array(n);
  const legends = [...figure.querySelectorAll("[data-model]")];
  const styles = legends.map(legend => new Map(
    [...legend.querySelectorAll("[data-cluster]")].map(button => [
      Number(button.dataset.cluster),
      { colour: button.dataset.colour, path: new Path2D(button.dataset.shape), button },
    ])));
  const outside = { colour: null, path: new Path2D("M3 6h6M6 3v6") };
  const styleOf = cluster => styles[model].get(cluster) || outside;
  const css = name => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

  function place() {
    const pad = 26;
    const unit = Math.min((width - 2 * pad) / (data.width || 1), (height - 2 * pad) / (data.height || 1));
    const left = (width - data.width * unit) / 2, top = (height - data.height * unit) / 2;
    for (let i = 0; i < n; i++) {
      px[i] = (left + data.x[i] * unit - view.x) * view.scale;
      py[i] = (top + (data.height - data.y[i]) * unit - view.y) * view.scale;
    }
  }

  function draw() {
    const clusters = data.clusters[model];
    const colours = Array.from({ length: 8 }, (_, i) => css("--c" + i));
    const dense = devicePixelRatio || 1;
    const radius = (n > 2500 ? 3 : n > 600 ? 3.6 : 4.6) * Math.min(1.6, Math.sqrt(view.scale));
    const size = radius / 6;
    place();
    pen.setTransform(dense, 0, 0, dense, 0, 0);
    pen.clearRect(0, 0, width, height);
    for (let i = 0; i < n; i++) {
      const cluster = clusters[i];
      if (hidden.has(cluster) || px[i] < -9 || py[i] < -9 || px[i] > width + 9 || py[i] > height + 9) continue;
      const style = styleOf(cluster);
      pen.globalAlpha = lit === null || lit === cluster ? 0.78 : 0.1;
      pen.setTransform(dense * size, 0, 0, dense * size, dense * (px[i] - radius), dense * (py[i] - radius));
      if (style.colour === null) { pen.strokeStyle = css("--faint"); pen.stroke(style.path); continue; }
      pen.fillStyle = colours[style.colour];
      pen.fill(style.path);
    }
    pen.setTransform(dense, 0, 0, dense, 0, 0);
    pen.globalAlpha = 1;
    names(clusters, colours);
    if (at >= 0) {
      pen.strokeStyle = css("--ink");
      pen.lineWidth = 2;
      pen.beginPath();
      pen.arc(px[at], py[at], radius + 4, 0, 7);
      pen.stroke();
    }
  }

  // The number of each cluster at the median of its points, so that colour is not the only cue.
  function names(clusters, colours) {
    const places = new Map();
    for (let i = 0; i < n; i++) {
      if (hidden.has(clusters[i])) continue;
      if (!places.has(clusters[i])) places.set(clusters[i], [[], []]);
      places.get(clusters[i])[0].push(px[i]);
      places.get(clusters[i])[1].push(py[i]);
    }
    const middle = values => values.sort((a, b) => a - b)[values.length >> 1];
    const boxes = [];
    pen.font = "600 12px " + getComputedStyle(document.body).fontFamily;
    pen.textAlign = "center";
    pen.textBaseline = "middle";
    for (const [cluster, [xs, ys]] of [...places].sort((a, b) => a[0] - b[0])) {
      const style = styleOf(cluster);
      if (style.colour === null) continue;
      const x = middle(xs), w = pen.measureText(cluster).width + 12;
      let y = middle(ys);
      while (boxes.some(b => Math.abs(b[0] - x) < (b[2] + w) / 2 + 2 && Math.abs(b[1] - y) < 20)) y += 4;
      boxes.push([x, y, w]);
      pen.globalAlpha = lit === null || lit === cluster ? 1 : 0.25;
      pen.fillStyle = css("--bg");
      pen.strokeStyle = colours[style.colour];
      pen.lineWidth = 2;
      pen.beginPath();
      pen.roundRect(x - w / 2, y - 9, w, 18, 9);
      pen.fill();
      pen.stroke();
      pen.fillStyle = css("--ink");
      pen.fillText(cluster, x, y + 0.5);
    }
    pen.globalAlpha = 1;
  }

  let asked = 0;
  function redraw() {
    if (!asked) asked = requestAnimationFrame(() => { asked = 0; draw(); });
  }

  function point(i) {
    at = i;
    redraw();
    if (i < 0) { tip.hide(); return; }
    const frame = canvas.getBoundingClientRect();
    const cluster = data.clusters[model][i];
    tip.show(data.picture[i] >= 0 ? "p" + data.picture[i] : "", data.id[i],
      [data.labels[data.label[i]], cluster < 0 ? "no cluster" : "cluster " + cluster],
      frame.left + px[i], frame.top + py[i]);
  }

  function nearest(x, y, reach) {
    let best = -1, least = reach * reach;
    for (let i = 0; i < n; i++) {
      if (hidden.has(data.clusters[model][i])) continue;
      const d = (px[i] - x) ** 2 + (py[i] - y) ** 2;
      if (d < least) { least = d; best = i; }
    }
    return best;
  }

  // Arrow keys: the nearest point in that direction.
  function step(dx, dy) {
    if (at < 0) return point(nearest(width / 2, height / 2, 1e9));
    let best = -1, least = Infinity;
    for (let i = 0; i < n; i++) {
      if (i === at || hidden.has(data.clusters[model][i])) continue;
      const x = px[i] - px[at], y = py[i] - py[at];
      const along = x * dx + y * dy, across = Math.abs(x * dy) + Math.abs(y * dx);
      if (along <= 0.5 || across > along) continue;
      const d = along + 2 * across;
      if (d < least) { least = d; best = i; }
    }
    if (best >= 0) point(best);
  }

  function zoom(factor, x, y) {
    const scale = Math.max(1, Math.min(40, view.scale * factor));
    view = scale === 1 ? { scale, x: 0, y: 0 } : {
      scale, x: view.x + x / view.scale - x / scale, y: view.y + y / view.scale - y / scale,
    };
    at = -1;
    tip.hide();
    redraw();
  }

  let drag = null;
  canvas.addEventListener("pointerdown", event => {
    if (view.scale === 1) return;
    drag = { x: event.offsetX, y: event.offsetY, view };
    canvas.setPointerCapture(event.pointerId);
  });
  canvas.addEventListener("pointerup", () => { drag = null; });
  canvas.addEventListener("pointercancel", () => { drag = null; });
  canvas.addEventListener("pointermove", event => {
    if (drag) {
      const { scale, x, y } = drag.view;
      view = { scale, x: x + (drag.x - event.offsetX) / scale, y: y + (drag.y - event.offsetY) / scale };
      redraw();
      return;
    }
    const i = nearest(event.offsetX, event.offsetY, 14);
    if (i !== at) point(i);
  });
  canvas.addEventListener("pointerleave", () => point(-1));
  canvas.addEventListener("blur", () => point(-1));
  canvas.addEventListener("dblclick", event => zoom(2, event.offsetX, event.offsetY));
  canvas.addEventListener("keydown", event => {
    const way = { ArrowRight: [1, 0], ArrowLeft: [-1, 0], ArrowDown: [0, 1], ArrowUp: [0, -1] }[event.key];
    if (way) { event.preventDefault(); step(...way); }
  });
  figure.querySelector(".tools").addEventListener("click", event => {
    const what = event.target.dataset.zoom;
    if (what) zoom({ in: 2, out: 0.5, all: 0 }[what], width / 2, height / 2);
  });

  for (const legend of legends) {
    const buttons = [...legend.querySelectorAll("[data-cluster]")];
    const all = legend.querySelector(".all");
    const press = () => {
      for (const button of buttons) {
        button.setAttribute("aria-pressed", String(!hidden.has(Number(button.dataset.cluster))));
      }
      all.setAttribute("aria-pressed", String(hidden.size === 0));
      point(-1);
    };
    legend.addEventListener("click", event => {
      const button = event.target.closest("button");
      if (!button) return;
      const cluster = Number(button.dataset.cluster);
      if (button === all) {
        hidden = hidden.size ? new Set() : new Set(buttons.map(b => Number(b.dataset.cluster)));
      } else if (!hidden.delete(cluster)) hidden.add(cluster);
      lit = null;
      press();
    });
    const light = event => {
      const button = event.target.closest("[data-cluster]");
      lit = button && !hidden.has(Number(button.dataset.cluster)) ? Number(button.dataset.cluster) : null;
      redraw();
    };
    for (const kind of ["pointerover", "focusin"]) legend.addEventListener(kind, light);
    for (const kind of ["pointerleave", "focusout"]) legend.addEventListener(kind, () => { lit = null; redraw(); });
    legend.reset = press;
  }

  function change() {
    model = Math.max(0, radios.findIndex(radio => radio.checked));
    hidden = new Set();
    lit = null;
    legends[model].reset();
    redraw();
  }
  for (const radio of radios) radio.addEventListener("change", change);
  new ResizeObserver(() => {
    width = canvas.clientWidth;
    height = canvas.clientHeight;
    const dense = devicePixelRatio || 1;
    canvas.width = Math.round(width * dense);
    canvas.height = Math.round(height * dense);
    draw();
  }).observe(canvas);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);
  change();
})();
