// Second half of the timeline component: zooming and panning redraw at once what is there, then
// ask the server for finer rectangles. Untrusted names only ever go through textContent.

const states = new WeakMap();
const HELP =
  "Scroll or W/S to zoom, drag or arrow keys to move, double-click to zoom in, 0 to show all.";

function time(us, digits = 3) {
  const [value, unit] =
    Math.abs(us) >= 1e6 ? [us / 1e6, "s"] : Math.abs(us) >= 1e3 ? [us / 1e3, "ms"] : [us, "µs"];
  return `${Number(value.toPrecision(digits))} ${unit}`;
}

function redraw(state) {
  if (!state.frame) state.frame = requestAnimationFrame(() => draw(state));
}

function clamp(state) {
  const { first, last } = state.view.head;
  const width = Math.min(Math.max(state.hi - state.lo, 1), last - first);
  state.lo = Math.min(Math.max(state.lo, first), last - width);
  state.hi = state.lo + width;
}

function moved(state) {
  clamp(state);
  redraw(state);
  state.tip.style.display = "none";
  clearTimeout(state.timer);
  state.timer = setTimeout(() => {
    const { first, last } = state.view.head;
    const all = state.lo <= first && state.hi >= last;
    const pixels = Math.round(state.width - state.left);
    state.send("window", all ? null : [state.lo, state.hi, pixels]);
  }, 150);
}

function zoom(state, factor, around) {
  state.lo = around - (around - state.lo) * factor;
  state.hi = around + (state.hi - around) * factor;
  moved(state);
}

function pan(state, us) {
  state.lo += us;
  state.hi += us;
  const { first, last } = state.view.head;
  const over = Math.max(first - state.lo, 0) - Math.max(state.hi - last, 0);
  state.lo += over;
  state.hi += over;
  moved(state);
}

function at(state, event) {
  const box = state.canvas.getBoundingClientRect();
  const x = event.clientX - box.left;
  const share = (x - state.left) / (state.width - state.left);
  return { x, y: event.clientY - box.top, us: state.lo + share * (state.hi - state.lo) };
}

function find(state, point) {
  const { view } = state;
  const lane = state.rows.findIndex((r) => point.y >= r.top && point.y <= r.top + r.height);
  const us = point.us - view.head.low;
  const slack = (state.hi - state.lo) / (state.width - state.left);
  if (lane < 0 || point.x < state.left) return -1;
  let best = -1;
  for (let i = 0; i < view.n; i++) {
    if (view.lane[i] !== lane || view.start[i] - slack > us || view.end[i] + slack < us) continue;
    const narrower = best < 0 || view.end[i] - view.start[i] < view.end[best] - view.start[best];
    if (narrower) best = i;
  }
  return best;
}

function describe(view, i) {
  const kind = view.head.kinds[view.kind[i]][0];
  const length = time(view.end[i] - view.start[i]);
  const begins = time(view.head.low + view.start[i] - view.head.first, 6);
  if (view.name[i] !== NO_NAME) {
    const name = view.head.names[view.name[i]];
    return `${name === kind ? name : `${name} (${kind})`}, ${length}, at ${begins}`;
  }
  if (view.count[i] === 1) return `${kind}, shorter than ${length}, at ${begins}`;
  const many = view.count[i] === 65535 ? "65,535 or more" : view.count[i].toLocaleString("en");
  const share = Math.round((100 * view.share[i]) / 255);
  return `${many} short spans, mostly ${kind}: ${share} % of ${length}, at ${begins}. Zoom in to see them.`;
}

function hover(state, event) {
  const point = at(state, event);
  const i = find(state, point);
  state.tip.style.display = i < 0 ? "none" : "block";
  if (i < 0) return;
  state.tip.textContent = describe(state.view, i);
  const width = state.tip.offsetWidth;
  state.tip.style.left = `${Math.max(0, Math.min(point.x + 12, state.width - width - 2))}px`;
  const below = point.y + 18;
  const height = state.tip.offsetHeight;
  state.tip.style.top = `${below + height > state.height ? point.y - height - 8 : below}px`;
}

function listen(state) {
  const { canvas } = state;
  const pointers = new Map();
  const perPixel = () => (state.hi - state.lo) / (state.width - state.left);
  canvas.onwheel = (event) => {
    const { first, last } = state.view.head;
    if (Math.abs(event.deltaX) > Math.abs(event.deltaY) || event.shiftKey) {
      event.preventDefault();
      pan(state, (event.deltaX || event.deltaY) * perPixel());
    } else if (event.deltaY < 0 || state.hi - state.lo < last - first) {
      // Fully zoomed out, scrolling on moves the page.
      event.preventDefault();
      zoom(state, event.deltaY < 0 ? 0.8 : 1.25, at(state, event).us);
    }
  };
  canvas.onpointerdown = (event) => {
    canvas.setPointerCapture(event.pointerId);
    pointers.set(event.pointerId, event.clientX);
  };
  canvas.onpointerup = canvas.onpointercancel = (event) => pointers.delete(event.pointerId);
  canvas.onpointerleave = () => (state.tip.style.display = "none");
  canvas.onpointermove = (event) => {
    if (!pointers.has(event.pointerId)) return hover(state, event);
    const before = [...pointers.values()];
    const x = pointers.get(event.pointerId);
    pointers.set(event.pointerId, event.clientX);
    if (pointers.size === 1) return pan(state, (x - event.clientX) * perPixel());
    const after = [...pointers.values()];
    const spread = (xs) => Math.max(Math.abs(xs[0] - xs[1]), 8);
    return zoom(state, spread(before) / spread(after), at(state, event).us);
  };
  canvas.ondblclick = (event) => zoom(state, 0.4, at(state, event).us);
  canvas.onkeydown = (event) => {
    const width = state.hi - state.lo;
    const middle = (state.lo + state.hi) / 2;
    const actions = {
      ArrowLeft: () => pan(state, -0.2 * width),
      ArrowRight: () => pan(state, 0.2 * width),
      w: () => zoom(state, 0.7, middle),
      s: () => zoom(state, 1 / 0.7, middle),
      0: () => {
        state.lo = state.view.head.first;
        state.hi = state.view.head.last;
        moved(state);
      },
    };
    Object.assign(actions, {
      ArrowUp: actions.w,
      ArrowDown: actions.s,
      "+": actions.w,
      "-": actions.s,
      a: actions.ArrowLeft,
      d: actions.ArrowRight,
    });
    const action = actions[event.key.length === 1 ? event.key.toLowerCase() : event.key];
    if (!action || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    action();
  };
}

function fillLegend(node, legend) {
  node.replaceChildren(
    ...legend.map(([title, colour]) => {
      const item = document.createElement("span");
      const swatch = document.createElement("i");
      swatch.style.background = colour;
      item.append(swatch, document.createTextNode(title));
      return item;
    }),
  );
}

function mount(root) {
  const canvas = root.querySelector("canvas");
  let state = states.get(canvas);
  if (!state) {
    state = { root, canvas, tip: root.querySelector(".tl-tip"), frame: 0 };
    states.set(canvas, state);
    root.querySelector(".tl-help").textContent = HELP;
    listen(state);
    state.observer = new ResizeObserver(() => state.view && redraw(state));
    state.observer.observe(canvas);
  }
  return state;
}

export default function ({ data, parentElement, setStateValue }) {
  const state = mount(parentElement.querySelector(".tl"));
  const view = decode(data);
  const known = state.view?.head;
  const other = !known || known.first !== view.head.first || known.last !== view.head.last;
  const jumped = known && known.focus !== view.head.focus;
  state.send = setStateValue;
  state.view = view;
  if (other || jumped) {
    state.lo = view.head.low;
    state.hi = view.head.high;
  }
  if (other) state.overview = null;
  if (view.head.low <= view.head.first && view.head.high >= view.head.last) state.overview = view;
  state.canvas.setAttribute("aria-label", `${view.head.caption} ${HELP}`);
  fillLegend(state.root.querySelector(".tl-legend"), view.head.legend);
  redraw(state);
  return () => {
    clearTimeout(state.timer);
    cancelAnimationFrame(state.frame);
    state.frame = 0;
  };
}
