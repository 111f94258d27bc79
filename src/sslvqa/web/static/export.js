// Files for others: the record as JSON and CSV, the picture on show as PNG, a page of its own as HTML.

import * as api from "./api.js";
import { clock, escapeText, interval, number } from "./format.js";
import { meaning, momentText, scaleName } from "./words.js";

export function save(href, name = "") {
  const link = Object.assign(document.createElement("a"), { href, download: name });
  document.body.append(link);
  link.click();
  link.remove();
}

function download(blob, name) {
  const address = URL.createObjectURL(blob);
  save(address, name);
  setTimeout(() => URL.revokeObjectURL(address), 10_000);
}

// The ids go in the body: an address has no room for many.
export async function fetchExport(format, ids, { name = `sslvqa-scores.${format}`, windows = false } = {}) {
  download(await api.postForFile("/api/export", { format, windows, ids }), name);
}

// Of a file that belongs to a video: clip.mp4 and map.png give clip.map.png.
export function fileName(video, ending) {
  return `${video.split("/").pop().replace(/\.[^.]*$/, "") || "video"}.${ending}`;
}

export function exportView(view, kind) {
  const name = fileName(view.job.name, kind);
  if (kind === "json") {
    download(new Blob([JSON.stringify(view.result, null, 2)], { type: "application/json" }), name);
  } else if (kind === "csv") {
    fetchExport("csv", [view.job.id], { name, windows: true }).catch((error) => view.onNote(error.message));
  } else if (kind === "png") {
    picture(view).toBlob((blob) => download(blob, name));
  } else {
    download(new Blob([page(view)], { type: "text/html" }), name);
  }
}

const [WIDTH, MARGIN, CHART] = [1280, 32, 180];

// Score, words, the frame with its map, the timeline: on white, whatever the theme.
export function picture(view) {
  const video = view.result.video;
  const height = Math.min(900, Math.round(((WIDTH - 2 * MARGIN) * video.height_px) / video.width_px));
  const canvas = document.createElement("canvas");
  const context = canvas.getContext("2d");
  const font = (size, weight = "") => { context.font = `${weight} ${size}px system-ui, sans-serif`; };
  font(18);
  const lines = wrap(context, meaning(view.result, view.info).join(" "), WIDTH - 2 * MARGIN);
  const top = 130 + 26 * lines.length;
  canvas.width = WIDTH;
  const legend = view.overlay.canvas.hidden ? 0 : 44;
  canvas.height = top + height + legend + CHART + 90;
  context.fillStyle = "#fff";
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.fillStyle = "#111";
  font(22, "600");
  context.fillText(view.job.name, MARGIN, 46, WIDTH - 2 * MARGIN);
  font(40, "700");
  context.fillText(number(view.result.score), MARGIN, 98);
  const after = MARGIN + context.measureText(number(view.result.score)).width + 12;
  font(18);
  const range = view.result.interval;
  const interval = range ? ` · ${Math.round(100 * range.coverage)} % interval ${number(range.low)}–${number(range.high)}` : "";
  context.fillText(`${scaleName(view.info)}${interval} · frame at ${clock(view.player.time)}`, after, 98);
  lines.forEach((line, index) => context.fillText(line, MARGIN, 132 + 26 * index));
  drawStage(context, view, MARGIN, top, WIDTH - 2 * MARGIN, height);
  if (legend) drawLegend(context, view, MARGIN, top + height + 14);
  drawChart(context, view, MARGIN, top + height + legend + 24, WIDTH - 2 * MARGIN, CHART);
  font(14);
  context.fillStyle = "#555";
  context.fillText(`sslvqa ${view.result.provenance.package_version} · ${view.result.provenance.model} · Q_R ${number(view.result.q_r)} · Q_D ${number(view.result.q_d)}`, MARGIN, canvas.height - 16);
  return canvas;
}

function drawStage(context, view, left, top, width, height) {
  const fit = Math.min(width, (height * view.result.video.width_px) / view.result.video.height_px);
  context.fillStyle = "#222";
  context.fillRect(left, top, fit, height);
  if (view.player.works) context.drawImage(view.player.video, left, top, fit, height);
  const map = view.overlay.canvas;
  if (!map.hidden) {
    context.imageSmoothingQuality = "high";
    context.drawImage(map, left, top, fit, height);
  }
}

// The colours of the map with their scores, and what they are.
function drawLegend(context, view, left, top) {
  const bar = Object.assign(document.createElement("canvas"), { width: 256, height: 1 });
  view.overlay.drawLegend(bar);
  const [low, high] = view.overlay.range().map(number);
  context.fillStyle = "#111";
  context.font = "16px system-ui, sans-serif";
  context.fillText(low, left, top + 16);
  const start = left + context.measureText(low).width + 10;
  context.drawImage(bar, start, top + 2, 300, 16);
  context.fillText(`${high}   ${view.overlay.map.label}, higher is better`, start + 310, top + 16);
}

function drawChart(context, view, left, top, width, height) {
  const { timeline } = view;
  const x = (seconds) => left + 40 + ((seconds - timeline.begin) / (timeline.end - timeline.begin)) * (width - 40);
  const y = (score) => top + (1 - Math.min(1, Math.max(0, (score - timeline.low) / (timeline.high - timeline.low)))) * height;
  context.strokeStyle = "#ccc";
  context.fillStyle = "#444";
  context.font = "14px system-ui, sans-serif";
  for (const share of [0, 0.5, 1]) {
    const score = timeline.low + share * (timeline.high - timeline.low);
    context.beginPath();
    context.moveTo(left + 40, y(score));
    context.lineTo(left + width, y(score));
    context.stroke();
    context.fillText(number(score), left, y(score) + 5);
  }
  context.fillStyle = "#1d5fa81c";
  for (const { start_seconds, end_seconds, interval } of timeline.items) {
    if (interval) context.fillRect(x(start_seconds), y(interval.high), x(end_seconds) - x(start_seconds), y(interval.low) - y(interval.high));
  }
  context.fillStyle = "#444";
  context.strokeStyle = "#1d5fa8";
  context.lineWidth = 2.5;
  context.beginPath();
  for (const item of timeline.items) {
    context.lineTo(x(item.start_seconds), y(item.score));
    context.lineTo(x(item.end_seconds), y(item.score));
  }
  context.stroke();
  context.fillText(clock(timeline.begin), left + 40, top + height + 20);
  context.textAlign = "right";
  context.fillText(clock(timeline.end), left + width, top + height + 20);
  context.textAlign = "left";
}

function wrap(context, text, width) {
  const lines = [""];
  for (const word of text.split(" ")) {
    const longer = lines.at(-1) ? `${lines.at(-1)} ${word}` : word;
    if (context.measureText(longer).width > width) lines.push(word);
    else lines[lines.length - 1] = longer;
  }
  return lines;
}

// One file that needs nothing else.
export function page(view) {
  const { result, info } = view;
  const rows = (values) => Object.entries(values)
    .map(([key, value]) => `<tr><th>${escapeText(key)}</th><td>${escapeText(value ?? "–")}</td></tr>`).join("\n");
  const windows = result.timeline.map((item) =>
    `<tr><td>${clock(item.start_seconds)}</td><td>${clock(item.end_seconds)}</td><td>${number(item.score)}</td><td>${interval(item.interval?.low, item.interval?.high)}</td><td>${number(item.q_r)}</td><td>${number(item.q_d)}</td></tr>`).join("\n");
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; img-src data:">
<title>${escapeText(view.job.name)} – quality ${number(result.score)}</title>
<style>body{font:16px/1.5 system-ui,sans-serif;max-width:64rem;margin:2rem auto;padding:0 1rem}img{max-width:100%}
table{border-collapse:collapse;font-variant-numeric:tabular-nums}td,th{padding:.2rem .8rem;border-bottom:1px solid #ddd;text-align:left}</style>
</head><body>
<h1>${escapeText(view.job.name)}: ${number(result.score)}</h1>
<p>${escapeText(scaleName(info))}. ${escapeText(meaning(result, info).join(" "))}</p>
<p>Worst moment: ${escapeText(momentText(result.worst))}.</p>
${result.warnings.map((text) => `<p>Note: ${escapeText(text)}</p>`).join("\n")}
<p><img alt="Frame, quality map if it was on, and the score over time" src="${picture(view).toDataURL("image/png")}"></p>
<h2>Score over time</h2><table><tr><th>from</th><th>to</th><th>score</th><th>interval</th><th>Q_R</th><th>Q_D</th></tr>
${windows}</table>
<h2>Technical facts</h2><table>${rows(result.video)}</table>
<h2>Provenance</h2><table>${rows(result.provenance)}</table>
</body></html>
`;
}
