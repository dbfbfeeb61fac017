// Draws the charts of the report with uPlot. What they show also stands in a sentence and a table.
"use strict";
(() => {
  const source = document.getElementById("plots");
  if (!source) return;
  const page = JSON.parse(source.textContent);
  const GUTTER = 60;
  const ROW = 21;
  const DASHES = [[], [7, 3], [2, 3], [9, 3, 2, 3], [12, 4], [4, 2, 1, 2]];
  const FONT = 'system-ui, -apple-system, "Segoe UI", Roboto, "Liberation Sans", Arial, sans-serif';
  const WHOLE = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1e3, 2e3, 5e3, 1e4, 2e4, 5e4, 1e5, 1e6, 1e7];
  const STEPS = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 28800];

  // Colours are those of the page, so they change with its scheme.
  let known = {};
  const colour = (name) =>
    (known[name] ??= getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim());
  const stroke = (trace) => colour(`s${trace.colour}`);

  const exact = new Intl.NumberFormat("en", { maximumSignificantDigits: 4 });
  const short = new Intl.NumberFormat("en", { maximumSignificantDigits: 4, notation: "compact" });
  const number = (value) => (Math.abs(value) >= 1e5 ? short : exact).format(value);
  const two = (value) => String(value).padStart(2, "0");
  const clock = (seconds) => {
    if (page.end < 120) return `${exact.format(seconds)} s`;
    const all = Math.round(seconds);
    const [hours, minutes, rest] = [Math.floor(all / 3600), Math.floor(all / 60), two(all % 60)];
    return hours ? `${hours}:${two(minutes % 60)}:${rest}` : `${minutes}:${rest}`;
  };
  const quantity = (value, axis) => `${number(value)}${axis.unit ? ` ${axis.unit}` : ""}`;

  // The place in an ascending list that lies nearest to a value.
  const nearest = (list, value) => {
    let [low, high] = [0, list.length - 1];
    while (high - low > 1) {
      const middle = (low + high) >> 1;
      if (list[middle] < value) low = middle;
      else high = middle;
    }
    return value - list[low] <= list[high] - value ? low : high;
  };

  const phaseAt = (seconds) => {
    const within = page.bands.filter(([, , start, end]) => start <= seconds && seconds <= end);
    within.sort((a, b) => a[3] - a[2] - (b[3] - b[2]));
    return within.length ? within[0][0] : "";
  };

  // What is read off at a place: a heading, then a line for each series.
  const readings = (plot, x) => {
    const read = plot.traces.filter((trace) => !["guide", "edge"].includes(trace.style));
    const places = read.map((trace) => (trace.x.length ? nearest(trace.x, x) : -1));
    let at = x;
    if (plot.x.scale !== "time") {
      const all = read.flatMap((trace, i) => (places[i] < 0 ? [] : [trace.x[places[i]]]));
      at = all.reduce((best, one) => (Math.abs(one - x) < Math.abs(best - x) ? one : best), all[0]);
    }
    const lines = [];
    let share = "";
    read.forEach((trace, i) => {
      if (places[i] < 0) return;
      if (trace.style !== "line" && trace.x[places[i]] !== at) return;
      trace.x.forEach((one, place) => {
        const chosen = trace.style === "line" ? place === places[i] : one === at;
        if (!chosen || trace.y[place] == null) return;
        const note = trace.notes[place] || "";
        if (plot.x.scale === "nines") share = note;
        const behind = note && plot.x.scale !== "nines" ? ` (${note})` : "";
        lines.push([trace, `${trace.label} ${quantity(trace.y[place], plot.y)}${behind}`]);
      });
    });
    let head = `${plot.x.title} ${quantity(at ?? x, plot.x)}`;
    if (plot.x.scale === "nines") head = share;
    if (plot.x.scale === "time") head = [clock(x), phaseAt(x)].filter(Boolean).join(", ");
    return [head, lines];
  };

  const drawn = [];
  const others = (plot) => drawn.filter((one) => one.group && one.group === plot.group);

  const element = (tag, name, text = "") => {
    const made = document.createElement(tag);
    made.className = name;
    made.textContent = text;
    return made;
  };

  const tip = (u, plot, box) => {
    const [head, lines] = readings(plot, u.posToVal(u.cursor.left, "x"));
    const parts = [element("strong", "", head)];
    for (const [trace, text] of lines) {
      const line = element("span", "", text);
      line.style.borderColor = stroke(trace);
      parts.push(line);
    }
    box.replaceChildren(...parts);
    box.hidden = false;
    const left = u.cursor.left > u.over.clientWidth / 2;
    box.style.left = left ? "auto" : `${u.cursor.left + 12}px`;
    box.style.right = left ? `${u.over.clientWidth - u.cursor.left + 12}px` : "auto";
    return [head, ...lines.map(([, text]) => text)].join("; ");
  };

  const wash = (u, from, to, name, alpha) => {
    const { ctx, bbox } = u;
    const left = Math.max(bbox.left, u.valToPos(from, "x", true));
    const right = Math.min(bbox.left + bbox.width, u.valToPos(to, "x", true));
    if (right <= left) return;
    ctx.save();
    ctx.globalAlpha = alpha;
    ctx.fillStyle = colour(name);
    ctx.fillRect(left, bbox.top, right - left, bbox.height);
    ctx.restore();
  };

  const below = (u, plot) => {
    if (plot.x.scale === "time") {
      for (const [, , start, end, , shaded] of page.bands) if (shaded) wash(u, start, end, "band", 0.28);
    }
    if (plot.grey) wash(u, ...plot.grey, "band", 0.45);
  };

  const sign = (ctx, mark, x, y, size) => {
    ctx.beginPath();
    if (mark === "cross") {
      ctx.moveTo(x - size, y - size);
      ctx.lineTo(x + size, y + size);
      ctx.moveTo(x + size, y - size);
      ctx.lineTo(x - size, y + size);
    } else {
      ctx.arc(x, y, size, 0, 2 * Math.PI);
      ctx.fill();
    }
    ctx.stroke();
  };

  const above = (u, plot) => {
    const { ctx, bbox } = u;
    const ratio = devicePixelRatio;
    ctx.save();
    ctx.beginPath();
    ctx.rect(bbox.left - 5 * ratio, bbox.top - 5 * ratio, bbox.width + 10 * ratio, bbox.height + 10 * ratio);
    ctx.clip();
    ctx.setLineDash([]);
    for (const trace of plot.traces) {
      if (trace.style !== "points") continue;
      ctx.strokeStyle = stroke(trace);
      ctx.lineWidth = 2 * ratio;
      ctx.fillStyle = trace.mark === "ring" ? colour("surface") : stroke(trace);
      trace.x.forEach((x, place) => {
        if (trace.y[place] == null || x < u.scales.x.min || x > u.scales.x.max) return;
        sign(ctx, trace.mark, u.valToPos(x, "x", true), u.valToPos(trace.y[place], "y", true), 3.5 * ratio);
      });
    }
    ctx.font = `${12 * ratio}px ${FONT}`;
    ctx.textBaseline = "top";
    for (const [at, label] of plot.lines) {
      const x = u.valToPos(at, "x", true);
      if (x < bbox.left || x > bbox.left + bbox.width) continue;
      ctx.strokeStyle = ctx.fillStyle = colour("pass");
      ctx.lineWidth = 1.5 * ratio;
      ctx.setLineDash([4 * ratio, 3 * ratio]);
      ctx.beginPath();
      ctx.moveTo(x, bbox.top);
      ctx.lineTo(x, bbox.top + bbox.height);
      ctx.stroke();
      ctx.setLineDash([]);
      const before = x + ctx.measureText(label).width + 8 * ratio > bbox.left + bbox.width;
      ctx.textAlign = before ? "right" : "left";
      ctx.fillText(label, x + (before ? -6 : 6) * ratio, bbox.top + 2 * ratio);
    }
    ctx.restore();
  };

  // The phases by number and as much of their names as fits, in rows.
  const phases = (u) => {
    const { ctx, bbox } = u;
    const ratio = devicePixelRatio;
    ctx.save();
    ctx.font = `${11 * ratio}px ${FONT}`;
    ctx.textAlign = "center";
    ctx.textBaseline = "middle";
    for (const [name, count, start, end, row, shaded] of page.bands) {
      const left = Math.max(bbox.left, u.valToPos(start, "x", true));
      const right = Math.min(bbox.left + bbox.width, u.valToPos(end, "x", true));
      if (right < left) continue;
      const top = bbox.top + row * ROW * ratio;
      const width = Math.max(ratio, right - left - ratio);
      ctx.fillStyle = colour(shaded ? "band" : "line");
      ctx.fillRect(left, top, width, (ROW - 2) * ratio);
      const last = name.slice(name.lastIndexOf("/") + 1);
      const text = [`${count} ${last}`, String(count)].find(
        (one) => ctx.measureText(one).width + 6 * ratio <= width,
      );
      ctx.fillStyle = colour("text");
      if (text) ctx.fillText(text, (left + right) / 2, top + ((ROW - 2) / 2) * ratio);
    }
    ctx.restore();
  };

  // Round values of a logarithmic axis, the more the fewer powers of ten it spans.
  const rounds = (low, high) => {
    const found = [];
    const span = Math.log10(high / low);
    const digits = span > 2.3 ? [1] : span > 0.8 ? [1, 2, 5] : [1, 1.2, 1.5, 2, 2.5, 3, 4, 5, 6, 8];
    for (let power = Math.floor(Math.log10(low)); power <= Math.log10(high); power++) {
      for (const one of digits) {
        const value = one * 10 ** power;
        if (low <= value && value <= high) found.push(value);
      }
    }
    return found;
  };

  const splits = (axis) => {
    if (axis.scale === "whole") return { incrs: WHOLE };
    if (axis.scale !== "log") return {};
    return { splits: (_, __, low, high) => rounds(low, high), filter: (_, found) => found };
  };

  const xAxis = (plot) => {
    const axis = {
      stroke: () => colour("muted"),
      font: `12px ${FONT}`,
      size: plot.x.title ? 30 : 26,
      label: plot.x.title || undefined,
      labelFont: `12px ${FONT}`,
      labelSize: 18,
      labelGap: 0,
      gap: 4,
      space: 56,
      grid: { stroke: () => colour("faint"), width: 1 },
      ticks: { stroke: () => colour("line"), width: 1, size: 4 },
      ...splits(plot.x),
      values: (_, found) => found.map(number),
    };
    if (plot.x.scale === "time") {
      axis.incrs = STEPS;
      axis.values = (_, found) => found.map(clock);
    } else if (plot.x.ticks.length) {
      axis.splits = () => plot.x.ticks.map(([at]) => at);
      axis.values = () => plot.x.ticks.map(([, label]) => label);
    }
    return axis;
  };

  const yAxis = (plot) => ({
    stroke: () => colour("muted"),
    font: `12px ${FONT}`,
    size: GUTTER,
    gap: 4,
    space: 28,
    grid: { stroke: () => colour("faint"), width: 1 },
    ticks: { show: false },
    ...splits(plot.y),
    values: (_, found) => found.map(number),
  });

  const spread = (axis) => (u, low, high) => {
    if (low == null || high == null) return axis.scale === "log" ? [1, 10] : [0, 1];
    if (axis.scale === "log") return [low * 0.8, high * 1.3];
    const reach = (high - low) * 0.1 || Math.abs(high) * 0.05 || 1;
    return [axis.low ?? low - reach, axis.high ?? high + reach];
  };

  const series = (trace) => {
    const line = {
      label: trace.label,
      stroke: () => stroke(trace),
      width: 1.75,
      dash: DASHES[trace.colour],
      points: { show: trace.style === "both", size: 8 },
    };
    if (trace.style === "points") line.paths = () => null;
    if (trace.style === "guide") line.width = 1.25;
    if (trace.style === "edge") line.stroke = () => "transparent";
    return line;
  };

  const options = (plot, data, place, hooks) => ({
    width: place.clientWidth,
    height: plot.height,
    padding: [10, 14, 0, 0],
    legend: { show: false },
    cursor: {
      y: false,
      points: { show: false },
      drag: { x: true, y: false },
      sync: plot.group
        ? {
            key: plot.group,
            setSeries: false,
            scales: ["x", null],
            filters: { pub: (type) => ["mousemove", "mouseleave"].includes(type) },
          }
        : undefined,
    },
    scales: {
      x: {
        time: false,
        distr: plot.x.scale === "log" ? 3 : 1,
        range: (_, low, high) => {
          const whole = low === data[0][0] && high === data[0].at(-1);
          if (!whole) return [low, high];
          if (plot.x.scale === "log") return [low * 0.9, high * 1.1];
          const reach = (high - low) * 0.04 || 1;
          return [plot.x.low ?? low - reach, plot.x.high ?? high + reach];
        },
      },
      y: { distr: plot.y.scale === "log" ? 3 : 1, range: spread(plot.y) },
    },
    series: [{}, ...plot.traces.map(series)],
    bands: plot.fills.map(([upper, lower]) => ({
      series: [upper + 1, lower + 1],
      fill: () => `${colour("s1")}2b`,
    })),
    axes: [xAxis(plot), yAxis(plot)],
    hooks,
  });

  // Charts of a group keep the same stretch of their x axis.
  const follow = (plot) => (u, key) => {
    if (key !== "x") return;
    const { min, max } = u.scales.x;
    for (const other of others(plot)) {
      const { min: low, max: high } = other.u.scales.x;
      if (other.u !== u && (low !== min || high !== max)) other.u.setScale("x", { min, max });
    }
  };

  const zoom = (u, factor) => {
    const { min, max } = u.scales.x;
    const [low, high] = [u.data[0][0], u.data[0].at(-1)];
    const middle = u.cursor.left > 0 ? u.posToVal(u.cursor.left, "x") : (min + max) / 2;
    const [from, to] = [middle - (middle - min) * factor, middle + (max - middle) * factor];
    const whole = from <= low && to >= high;
    u.setScale("x", whole ? { min: low, max: high } : { min: from, max: to });
  };

  const keys = (u, plot, place, status) => (event) => {
    const all = u.data[0];
    const now = u.cursor.left >= 0 ? nearest(all, u.posToVal(u.cursor.left, "x")) : -1;
    const step = event.shiftKey ? 10 : 1;
    const to = { ArrowRight: now + step, ArrowLeft: now < 0 ? all.length - 1 : now - step, Home: 0, End: all.length - 1 };
    if (event.key in to) {
      const x = all[Math.min(all.length - 1, Math.max(0, to[event.key]))];
      u.setCursor({ left: u.valToPos(x, "x"), top: 1 }, true, true);
      if (place.said) status.textContent = place.said;
    } else if (event.key === "+") zoom(u, 0.5);
    else if (event.key === "-") zoom(u, 2);
    else if (event.key === "Escape") {
      u.setCursor({ left: -10, top: -10 }, true, true);
      u.setScale("x", { min: all[0], max: all.at(-1) });
    } else return;
    event.preventDefault();
  };

  const show = (place, plot, data, hooks) => {
    const u = new uPlot(options(plot, data, place, hooks), data, place);
    plot.u = u;
    drawn.push(plot);
    new ResizeObserver(() => {
      const width = place.clientWidth;
      if (width && width !== u.width) u.setSize({ width, height: plot.height });
    }).observe(place);
    return u;
  };

  const draw = (plot) => {
    const place = document.querySelector(`[data-plot="${plot.id}"]`);
    if (!place || !plot.traces.some((trace) => trace.x.length)) return;
    const data = uPlot.join(plot.traces.map((trace) => [trace.x, trace.y]));
    if (plot.x.scale === "time") {
      // All charts of the time axis begin and end with it, so that one stretch fits all.
      if (data[0][0] > 0) data.forEach((list, i) => list.unshift(i ? undefined : 0));
      if (data[0].at(-1) < page.end) data.forEach((list, i) => list.push(i ? undefined : page.end));
    }
    const box = element("div", "tip");
    box.hidden = true;
    const status = element("p", "unseen");
    status.setAttribute("aria-live", "polite");
    const u = show(place, plot, data, {
      drawClear: [(self) => below(self, plot)],
      draw: [(self) => above(self, plot)],
      setScale: [follow(plot)],
      setCursor: [
        (self) => {
          if (self.cursor.left < 0 || self.cursor.idx == null) box.hidden = true;
          else place.said = tip(self, plot, box);
        },
      ],
    });
    u.over.append(box);
    place.after(status);
    place.tabIndex = 0;
    place.addEventListener("keydown", keys(u, plot, place, status));
    place.addEventListener("blur", () => u.setCursor({ left: -10, top: -10 }, true, true));
  };

  const strip = (place) => {
    const rows = 1 + Math.max(...page.bands.map((band) => band[4]));
    const plot = {
      group: "time",
      height: rows * ROW + 36,
      x: { scale: "time", low: 0, high: page.end, ticks: [], title: "" },
      y: { scale: "linear", low: 0, high: 1 },
      traces: [],
      fills: [],
    };
    const data = [[0, page.end], [undefined, undefined]];
    plot.traces.push({ label: "", style: "edge", colour: 0, x: [], y: [] });
    const u = show(place, plot, data, { draw: [phases], setScale: [follow(plot)] });
    u.axes[1].values = () => [];
    u.axes[1].grid.show = false;
    u.redraw();
  };

  const again = () => {
    known = {};
    for (const plot of drawn) plot.u.redraw();
  };

  page.plots.forEach(draw);
  document.querySelectorAll("[data-strip]").forEach(strip);
  for (const query of ["(prefers-color-scheme: dark)", "print"]) {
    matchMedia(query).addEventListener("change", again);
  }
})();
