// First half of the timeline component (timeline.js is the second): what the server sent, and how
// it is drawn. Names come from trace files and are untrusted: they only ever go through fillText.

const AXIS = 20;
const GAP = 4;
const NARROW = 560;
const NO_NAME = 65535;

function decode(data) {
  const bytes = data instanceof Uint8Array ? data : new Uint8Array(data);
  const buffer = bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength);
  const length = new DataView(buffer).getUint32(0, true);
  const head = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 4, length)));
  const n = head.count;
  let at = 4 + length;
  const take = (Type, size) => {
    const column = new Type(buffer, at, n);
    at += n * size;
    return column;
  };
  return {
    head,
    n,
    start: take(Float32Array, 4),
    end: take(Float32Array, 4),
    name: take(Uint16Array, 2),
    count: take(Uint16Array, 2),
    lane: take(Uint8Array, 1),
    kind: take(Uint8Array, 1),
    share: take(Uint8Array, 1),
  };
}

function tickStep(span, room) {
  const rough = span / Math.max(room, 1);
  const power = 10 ** Math.floor(Math.log10(rough));
  return [1, 2, 5, 10].map((m) => m * power).find((step) => step >= rough);
}

function tickText(us, step) {
  const [scale, unit] = step >= 1e6 ? [1e6, "s"] : step >= 1e3 ? [1e3, "ms"] : [1, "µs"];
  const decimals = Math.max(0, -Math.floor(Math.log10(step / scale) + 1e-9));
  return `${(us / scale).toFixed(Math.min(decimals, 3))} ${unit}`;
}

function ink(colour) {
  const [r, g, b] = [1, 3, 5].map((i) => parseInt(colour.slice(i, i + 2), 16));
  return 0.3 * r + 0.6 * g + 0.1 * b > 135 ? "#111111" : "#ffffff";
}

function layout(state) {
  const narrow = state.width < NARROW;
  const labelHeight = narrow ? 14 : 0;
  let top = AXIS;
  state.left = narrow ? 0 : Math.min(165, Math.round(state.width * 0.22));
  state.rows = state.view.head.lanes.map((lane) => {
    const height = lane.tall ? 32 : 18;
    const row = { top: top + labelHeight, height, label: lane.label, labelTop: top };
    top += labelHeight + height + GAP;
    return row;
  });
  state.narrow = narrow;
  state.height = top + 2;
}

function clipText(g, text, room) {
  if (g.measureText(text).width <= room) return text;
  let low = 0;
  let high = text.length;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (g.measureText(`${text.slice(0, middle)}…`).width <= room) low = middle;
    else high = middle - 1;
  }
  return low > 0 ? `${text.slice(0, low)}…` : "";
}

function drawView(g, state, view, from, to) {
  const scale = (state.width - state.left) / (state.hi - state.lo);
  const x = (us) => state.left + (us - state.lo) * scale;
  const base = view.head.low;
  g.save();
  g.beginPath();
  g.rect(x(from), 0, x(to) - x(from), state.height);
  g.clip();
  for (let i = 0; i < view.n; i++) {
    const start = base + view.start[i];
    const end = base + view.end[i];
    if (end < from || start > to) continue;
    const row = state.rows[view.lane[i]];
    const left = x(start);
    const width = Math.max(x(end) - left, 0.7);
    const colour = view.head.kinds[view.kind[i]][1];
    g.globalAlpha = 0.15 + (0.85 * view.share[i]) / 255;
    g.fillStyle = colour;
    const gap = width > 3 ? 0.5 : 0;
    g.fillRect(left, row.top, width - gap, row.height);
    if (width > 34 && view.name[i] !== NO_NAME) {
      g.globalAlpha = 1;
      g.fillStyle = ink(colour);
      const visible = Math.max(left, state.left) + 3;
      const text = clipText(g, view.head.names[view.name[i]], left + width - visible - 3);
      if (text) g.fillText(text, visible, row.top + row.height / 2 + 0.5);
    }
  }
  g.restore();
}

function drawAxis(g, state, ink_, rule) {
  const scale = (state.width - state.left) / (state.hi - state.lo);
  const step = tickStep(state.hi - state.lo, (state.width - state.left) / 90);
  const origin = state.view.head.first;
  g.textBaseline = "middle";
  for (let t = Math.ceil((state.lo - origin) / step) * step; t + origin <= state.hi; t += step) {
    const x = state.left + (t + origin - state.lo) * scale;
    g.strokeStyle = rule;
    g.globalAlpha = 0.35;
    g.beginPath();
    g.moveTo(x, AXIS - 4);
    g.lineTo(x, state.height);
    g.stroke();
    g.globalAlpha = 1;
    g.fillStyle = ink_;
    const text = tickText(t, step);
    if (x + 4 + g.measureText(text).width < state.width) g.fillText(text, x + 3, AXIS / 2);
  }
}

function drawLabels(g, state, ink_, paper) {
  g.globalAlpha = 1;
  if (!state.narrow) {
    g.fillStyle = paper;
    g.fillRect(0, 0, state.left, state.height);
  }
  g.fillStyle = ink_;
  for (const row of state.rows) {
    const y = state.narrow ? row.labelTop + 7 : row.top + row.height / 2;
    const room = (state.narrow ? state.width : state.left) - 12;
    g.fillText(clipText(g, row.label, room), 6, y);
  }
}

function drawMarks(g, state, accent) {
  const scale = (state.width - state.left) / (state.hi - state.lo);
  g.strokeStyle = accent;
  g.lineWidth = 2;
  for (const [low, high] of state.view.head.marks) {
    const left = state.left + (low - state.lo) * scale;
    g.strokeRect(left, AXIS, Math.max((high - low) * scale, 2), state.height - AXIS - 2);
  }
  g.lineWidth = 1;
}

function draw(state) {
  const { canvas, view } = state;
  state.frame = 0;
  state.width = canvas.clientWidth || 600;
  layout(state);
  const ratio = window.devicePixelRatio || 1;
  canvas.style.height = `${state.height}px`;
  canvas.width = Math.round(state.width * ratio);
  canvas.height = Math.round(state.height * ratio);
  const css = getComputedStyle(state.root);
  const variable = (name, otherwise) => css.getPropertyValue(name).trim() || otherwise;
  const text = variable("--st-text-color", "#31333f");
  const paper = variable("--st-background-color", "#ffffff");
  const g = canvas.getContext("2d");
  g.setTransform(ratio, 0, 0, ratio, 0, 0);
  g.font = "12px sans-serif";
  drawAxis(g, state, text, variable("--st-border-color", "#808080"));
  const from = Math.max(view.head.low, state.lo);
  const to = Math.min(view.head.high, state.hi);
  if (state.overview && state.overview !== view) {
    // What the detailed view does not cover yet comes from the overview.
    drawView(g, state, state.overview, state.lo, Math.max(from, state.lo));
    drawView(g, state, state.overview, Math.min(Math.max(to, state.lo), state.hi), state.hi);
  }
  if (to > from) drawView(g, state, view, from, to);
  drawMarks(g, state, variable("--st-primary-color", "#0b5fa5"));
  drawLabels(g, state, text, paper);
}
