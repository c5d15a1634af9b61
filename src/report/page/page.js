"use strict";
// The report of a run, from the JSON of the element "data" and the pictures "sprite" and "sheet".
// Names of files and classes are only ever set as text.
const data = JSON.parse(document.getElementById("data").textContent);
const images = data.images, classes = data.classes;
const sprite = document.getElementById("sprite");
const byId = (id) => document.getElementById(id);
const paper = (name) => getComputedStyle(document.documentElement).getPropertyValue(name);

function make(tag, attributes, ...children) {
    const node = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes || {})) {
        if (name === "onclick") node.addEventListener("click", value);
        else node.setAttribute(name, value);
    }
    node.append(...children);
    return node;
}

function drawing(tag, attributes, parent) {
    const node = document.createElementNS("http://www.w3.org/2000/svg", tag);
    for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
    parent.append(node);
    return node;
}

const percent = (x) => x.toFixed(1) + " %";
const short = (x) => Math.abs(x) >= 1e5 || (x !== 0 && Math.abs(x) < 1e-3) ? x.toExponential(2) : String(+x.toPrecision(4));
const colorOf = (label) => (label < 0 ? data.unlabelled : data.colors[label % data.colors.length]);
const className = (i) => (images.label[i] < 0 ? "" : classes[images.label[i]]);
const baseName = (name) => name.slice(name.lastIndexOf("/") + 1);

// ---- the figures on top ----

function bar(share) {
    const inner = make("i");
    inner.style.width = Math.max(0, Math.min(100, share)) + "%";
    return make("div", { class: "bar" }, inner);
}

function showFacts() {
    for (const [what, value] of data.facts) byId("facts").append(make("li", {}, make("b", {}, what + " "), value));
    const figures = [
        ["raw_pixels_top1", "k-NN top-1 of raw pixels"],
        ["untrained_top1", "k-NN top-1 of the untrained encoder"],
        ["knn_top1", "k-NN top-1 of the trained encoder"],
    ];
    for (const [key, what] of figures) {
        if (data[key] === undefined) continue;
        byId("figures").hidden = false;
        byId("figures").querySelector(".figures").append(make("div", { class: "figure" }, make("div", { class: "value" }, percent(data[key])),
            make("div", { class: "what" }, what), bar(data[key])));
    }
    if (data.n_test)
        byId("figures").querySelector(".note").textContent = "Measured while training, " +
            `${data.n_test} images against a bank of ${data.n_train}; simclr eval takes all.`;
}

// ---- thumbnails ----

function copyThumb(context, i, x, y, side) {
    const from = [(i % data.columns) * data.thumb, Math.floor(i / data.columns) * data.thumb];
    context.drawImage(sprite, from[0], from[1], data.thumb, data.thumb, x, y, side, side);
}

function thumb(i, caption) {
    const canvas = make("canvas", { width: data.thumb, height: data.thumb });
    copyThumb(canvas.getContext("2d"), i, 0, 0, data.thumb);
    canvas.style.borderBottomColor = colorOf(images.label[i]);
    const title = images.name[i] + (className(i) ? ", " + className(i) : "");
    return make("button", { class: "item", title, onclick: () => pick(i, true) }, canvas, make("span", {}, caption));
}

// ---- the map ----

const map = byId("map"), context = map.getContext("2d");
const hidden = new Set();
const view = { scale: 1, x: 0, y: 0 }; // of the unit square, in CSS pixels
let picked = 0, fitted = 1;

function place(i) {
    return [view.x + images.x[i] * view.scale, view.y + images.y[i] * view.scale];
}

function fit() {
    fitted = Math.min(map.clientWidth, map.clientHeight) - 60;
    view.scale = fitted;
    view.x = (map.clientWidth - fitted) / 2;
    view.y = (map.clientHeight - fitted) / 2;
    draw();
}

function zoom(factor, x = map.clientWidth / 2, y = map.clientHeight / 2) {
    const scale = Math.min(60, Math.max(0.5, (view.scale * factor) / fitted)) * fitted;
    view.x = x - ((x - view.x) * scale) / view.scale;
    view.y = y - ((y - view.y) * scale) / view.scale;
    view.scale = scale;
    draw();
}

function drawLinks() {
    const from = place(picked);
    context.strokeStyle = paper("--ink");
    context.lineWidth = 1;
    for (const j of images.near[picked]) {
        context.beginPath();
        context.moveTo(...from);
        context.lineTo(...place(j));
        context.stroke();
    }
}

function drawPoint(i, pictures, radius) {
    const [x, y] = place(i), inside = x > -40 && y > -40 && x < map.clientWidth + 40 && y < map.clientHeight + 40;
    if (!inside || hidden.has(images.label[i])) return;
    const color = colorOf(images.label[i]);
    if (pictures) {
        const side = Math.min(data.thumb, 14 + (6 * view.scale) / fitted);
        context.fillStyle = color;
        context.fillRect(x - side / 2 - 2, y - side / 2 - 2, side + 4, side + 4);
        copyThumb(context, i, x - side / 2, y - side / 2, side);
        return;
    }
    context.beginPath();
    context.arc(x, y, radius, 0, 7);
    context.fillStyle = color;
    context.fill();
}

function draw() {
    const ratio = window.devicePixelRatio || 1, pictures = byId("pictures").checked;
    map.width = map.clientWidth * ratio;
    map.height = map.clientHeight * ratio;
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    const radius = Math.min(7, 3 + view.scale / fitted);
    context.globalAlpha = pictures ? 1 : 0.8;
    for (let i = 0; i < images.x.length; i++) drawPoint(i, pictures, radius);
    context.globalAlpha = 1;
    drawLinks();
    drawPoint(picked, pictures, radius + 2);
    context.strokeStyle = paper("--ink");
    context.lineWidth = 2;
    context.beginPath();
    context.arc(...place(picked), pictures ? 0 : radius + 3, 0, 7);
    context.stroke();
}

function nearest(x, y) {
    let best = -1, least = 16 * 16;
    for (let i = 0; i < images.x.length; i++) {
        const [px, py] = place(i), d = (px - x) ** 2 + (py - y) ** 2;
        if (d < least && !hidden.has(images.label[i])) [best, least] = [i, d];
    }
    return best;
}

function pick(i, scroll) {
    picked = i;
    const near = make("div", { class: "near" });
    images.near[i].forEach((j, n) => near.append(thumb(j, images.similarity[i][n].toFixed(3))));
    const large = make("div", { class: "large" }, thumb(i, ""));
    byId("picked").replaceChildren(large, make("h3", {}, images.name[i]), make("p", {}, className(i)),
        make("p", {}, "nearest images, by cosine similarity"), near);
    draw();
    if (scroll) byId("space").scrollIntoView({ block: "nearest" });
}

function hover(event) {
    const i = nearest(event.offsetX, event.offsetY), tip = byId("tip");
    tip.hidden = i < 0;
    if (i < 0) return;
    tip.textContent = baseName(images.name[i]) + (className(i) ? ", " + className(i) : "");
    tip.style.left = Math.min(event.offsetX + 14, map.clientWidth - 180) + "px";
    tip.style.top = event.offsetY + 14 + "px";
}

function listen() {
    let from = null, moved = false;
    map.addEventListener("pointerdown", (e) => { from = [e.offsetX, e.offsetY]; moved = false; map.setPointerCapture(e.pointerId); });
    map.addEventListener("pointermove", (e) => {
        if (!from) return hover(e);
        moved = moved || Math.hypot(e.offsetX - from[0], e.offsetY - from[1]) > 3;
        view.x += e.offsetX - from[0];
        view.y += e.offsetY - from[1];
        from = [e.offsetX, e.offsetY];
        draw();
    });
    map.addEventListener("pointerup", (e) => {
        const i = moved ? -1 : nearest(e.offsetX, e.offsetY);
        from = null;
        if (i >= 0) pick(i, false);
    });
    map.addEventListener("pointerleave", () => { byId("tip").hidden = true; });
    map.addEventListener("wheel", (e) => { e.preventDefault(); zoom(Math.exp(-e.deltaY / 400), e.offsetX, e.offsetY); }, { passive: false });
    map.addEventListener("keydown", (e) => {
        const move = { ArrowLeft: [40, 0], ArrowRight: [-40, 0], ArrowUp: [0, 40], ArrowDown: [0, -40] }[e.key];
        if (e.key === "+" || e.key === "-") zoom(e.key === "+" ? 1.25 : 0.8);
        if (!move) return;
        e.preventDefault();
        view.x += move[0];
        view.y += move[1];
        draw();
    });
    byId("closer").addEventListener("click", () => zoom(1.5));
    byId("farther").addEventListener("click", () => zoom(1 / 1.5));
    byId("whole").addEventListener("click", fit);
    byId("pictures").addEventListener("change", draw);
    window.addEventListener("resize", fit);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
}

function showLegend() {
    classes.forEach((name, label) => {
        const dot = make("span", { class: "dot" });
        dot.style.background = colorOf(label);
        const toggle = make("button", { "aria-pressed": "true" }, dot, name);
        toggle.addEventListener("click", () => {
            if (!hidden.delete(label)) hidden.add(label);
            toggle.setAttribute("aria-pressed", String(!hidden.has(label)));
            draw();
        });
        byId("legend").append(toggle);
    });
}

// ---- tables and strips ----

// Of each class: how many of its images' neighbours share the class, and which other class is the most frequent.
function classRows() {
    const rows = classes.map((name) => ({ name, images: 0, same: 0, all: 0, others: new Map() }));
    images.label.forEach((label, i) => {
        if (label < 0) return;
        rows[label].images++;
        for (const j of images.near[i]) {
            const other = images.label[j];
            if (other < 0) continue;
            rows[label].all++;
            if (other === label) rows[label].same++;
            else rows[label].others.set(other, (rows[label].others.get(other) || 0) + 1);
        }
    });
    return rows.filter((row) => row.all > 0).sort((a, b) => b.same / b.all - a.same / a.all);
}

function showClasses() {
    const rows = classRows();
    if (rows.length < 2) return;
    byId("classes").hidden = false;
    byId("classes-note").textContent = `Of the ${images.near[0].length} nearest of each of the ${images.x.length} images shown. ` +
        "The encoder was trained without these labels.";
    for (const row of rows) {
        const share = (100 * row.same) / row.all, other = [...row.others].sort((a, b) => b[1] - a[1])[0];
        byId("classes").querySelector("tbody").append(make("tr", {}, make("td", {}, row.name), make("td", { class: "number" }, String(row.images)),
            make("td", {}, bar(share), percent(share)),
            make("td", {}, other ? `${classes[other[0]]} (${percent((100 * other[1]) / row.all)})` : "")));
    }
}

function showStrips() {
    const pairs = [], mean = (list) => list.reduce((a, b) => a + b, 0) / list.length;
    images.near.forEach((near, i) => {
        if (near.length > 0 && (i < near[0] || images.near[near[0]][0] !== i)) pairs.push([i, near[0], images.similarity[i][0]]);
    });
    pairs.sort((a, b) => b[2] - a[2]);
    for (const [i, j, similarity] of pairs.slice(0, 12))
        byId("alike").querySelector(".strip").append(make("div", { class: "pair" }, thumb(i, similarity.toFixed(3)), thumb(j, baseName(images.name[j]))));
    const order = images.similarity.map((list, i) => [i, mean(list)]).sort((a, b) => a[1] - b[1]);
    for (const [i, similarity] of order.slice(0, 24)) byId("unusual").querySelector(".strip").append(thumb(i, similarity.toFixed(3)));
}

function showSkipped() {
    if (data.skipped.length === 0) return;
    byId("skipped").hidden = false;
    byId("skipped").querySelector(".note").textContent = data.skipped_count > data.skipped.length
        ? `The first ${data.skipped.length} of ${data.skipped_count}; skipped.tsv of the run has all.` : "They could not be read.";
    for (const [file, reason] of data.skipped)
        byId("skipped").querySelector("tbody").append(make("tr", {}, make("td", {}, file), make("td", {}, reason)));
}

// ---- curves ----

function ticks(low, high, count) {
    const raw = (high - low) / count, power = 10 ** Math.floor(Math.log10(raw));
    const step = power * [1, 2, 5, 10].find((f) => f * power >= raw), list = [];
    for (let t = Math.ceil(low / step) * step; t <= high + step * 1e-9; t += step) list.push(Math.abs(t) < step * 1e-9 ? 0 : t);
    return list;
}

function range(values) {
    let [low, high] = [Infinity, -Infinity];
    for (const v of values) [low, high] = [Math.min(low, v), Math.max(high, v)];
    const pad = high > low ? (high - low) * 0.06 : Math.abs(high) * 0.1 || 1;
    return [low - pad, high + pad];
}

// lines: {name, x, y}; marks: {name, value}, dashed; clipped to the range of both.
function panel(title, lines, marks) {
    const wide = 360, tall = 190, left = 44, bottom = 22, head = make("h3", {}, title, make("span"));
    const box = make("div", { class: "panel" }, head), svg = drawing("svg", { viewBox: `0 0 ${wide} ${tall}` }, box);
    const xs = lines.flatMap((line) => line.x), xRange = [Math.min(...xs, 0), Math.max(...xs)];
    const yRange = range([...lines.flatMap((line) => line.y), ...marks.map((mark) => mark.value)]);
    const toX = (x) => left + ((x - xRange[0]) / (xRange[1] - xRange[0] || 1)) * (wide - left - 8);
    const toY = (y) => tall - bottom - ((y - yRange[0]) / (yRange[1] - yRange[0])) * (tall - bottom - 10);
    for (const t of ticks(...yRange, 4)) {
        drawing("line", { class: "rule", x1: left, x2: wide - 8, y1: toY(t), y2: toY(t) }, svg);
        drawing("text", { x: left - 6, y: toY(t) + 4, "text-anchor": "end" }, svg).textContent = short(t);
    }
    for (const t of ticks(xRange[0], xRange[1] || 1, 5))
        drawing("text", { x: toX(t), y: tall - 6, "text-anchor": "middle" }, svg).textContent = short(t);
    for (const mark of marks) {
        drawing("line", { class: "mark", x1: left, x2: wide - 8, y1: toY(mark.value), y2: toY(mark.value) }, svg);
        drawing("text", { x: wide - 8, y: toY(mark.value) - 4, "text-anchor": "end" }, svg).textContent = mark.name;
    }
    lines.forEach((line, n) => {
        const points = line.x.map((x, i) => `${toX(x).toFixed(1)},${toY(line.y[i]).toFixed(1)}`);
        drawing("polyline", { class: "line", points: points.join(" "), stroke: data.colors[n] }, svg);
        if (points.length < 40)
            line.x.forEach((x, i) => drawing("circle", { cx: toX(x), cy: toY(line.y[i]), r: 2.6, fill: data.colors[n] }, svg));
    });
    readout(svg, head.lastChild, lines, (x) => toX(x), [left, wide]);
    return box;
}

// The values under the pointer; without one those of the end.
function readout(svg, text, lines, toX, [left, wide]) {
    const hair = drawing("line", { class: "hair", y1: 8, y2: 168, visibility: "hidden" }, svg);
    const say = (i, line) => (lines.length > 1 ? line.name + " " : "") + short(line.y[i]);
    const last = () => lines.map((line) => say(line.y.length - 1, line)).join(", ");
    text.textContent = last();
    svg.addEventListener("pointermove", (e) => {
        const x = (e.offsetX / svg.clientWidth) * wide, at = lines.map((line) => {
            let best = 0;
            line.x.forEach((v, i) => { if (Math.abs(toX(v) - x) < Math.abs(toX(line.x[best]) - x)) best = i; });
            return best;
        });
        const epoch = lines[0].x[at[0]];
        for (const end of ["x1", "x2"]) hair.setAttribute(end, Math.max(left, toX(epoch)));
        hair.setAttribute("visibility", "visible");
        text.textContent = `epoch ${short(epoch)}: ` + lines.map((line, n) => say(at[n], line)).join(", ");
    });
    svg.addEventListener("pointerleave", () => { hair.setAttribute("visibility", "hidden"); text.textContent = last(); });
}

function showCurves() {
    const mark = (name, value) => (value === undefined ? [] : [{ name, value }]);
    const panels = [
        ["NT-Xent loss", ["loss"], mark("nothing learnt", data.loss_ceiling)],
        ["k-NN top-1, %", ["knn_top1"], [...mark("raw pixels", data.raw_pixels_top1), ...mark("untrained", data.untrained_top1)]],
        ["contrastive top-1", ["contrastive_top1"], []],
        ["alignment, uniformity", ["alignment", "uniformity"], []],
        ["effective rank", ["effective_rank"], []],
        ["gradient norm", ["gradient_norm"], []],
        ["learning rate", ["lr"], []],
        ["images/s", ["images_per_s"], []],
    ];
    for (const [title, names, marks] of panels) {
        const lines = names.filter((name) => data.curves[name]).map((name) => ({ name, ...data.curves[name] }));
        if (lines.length > 0) byId("curves").querySelector(".panels").append(panel(title, lines, marks));
    }
    const none = byId("curves").querySelector(".panels").childElementCount === 0;
    byId("curves-note").textContent = none ? "There are no steps yet."
        : data.steps_a_point > 1 ? `Over epochs; a point is the mean of up to ${data.steps_a_point} logged steps.` : "Over epochs.";
}

// ---- the page ----

showFacts();
showLegend();
listen();
showClasses();
showCurves();
showSkipped();
byId("settings").querySelector("pre").textContent = data.settings;
const sheet = byId("sheet");
if (sheet) {
    byId("views").hidden = false;
    byId("views").append(sheet);
    sheet.hidden = false;
}
sprite.decode().then(() => { showStrips(); pick(0, false); fit(); });
