// Numbers, times and sizes as people read them; the only place that knows how.

export function number(value) {
  if (value === null || value === undefined || !Number.isFinite(value)) return "–";
  const size = Math.abs(value);
  return size === 0 || size >= 1 ? value.toFixed(size >= 1000 ? 0 : 1) : String(Number(value.toPrecision(3)));
}

// Without zeros that say nothing: 60, 99.6.
export function plain(value) {
  return String(Number(value.toPrecision(3)));
}

export function clock(seconds) {
  const tenths = Math.max(0, Math.round(seconds * 10));
  const [minutes, rest] = [Math.floor(tenths / 600), tenths % 600];
  const tail = (rest / 10).toFixed(1).padStart(4, "0");
  if (minutes < 60) return `${minutes}:${tail}`;
  return `${Math.floor(minutes / 60)}:${String(minutes % 60).padStart(2, "0")}:${tail}`;
}

export function bytes(count) {
  const units = ["B", "kB", "MB", "GB"];
  let power = 0;
  while (count >= 1000 && power < units.length - 1) { count /= 1000; power += 1; }
  return `${power ? count.toFixed(count < 10 ? 1 : 0) : count} ${units[power]}`;
}

export function percent(fraction) {
  return `${Math.round(100 * fraction)} %`;
}

export function interval(low, high) {
  return low === null || low === undefined ? "–" : `${number(low)}–${number(high)}`;
}

export function escapeText(text) {
  const names = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;" };
  return String(text).replace(/[&<>"']/g, (char) => names[char]);
}
