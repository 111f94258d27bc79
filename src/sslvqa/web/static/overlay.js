// The quality map over the picture: coarse grids, interpolated in time here and in space by the browser.

// 256 RGB colours, low to high, from equally spaced stops.
export function colours(stops) {
  return Array.from({ length: 256 }, (_, level) => {
    const place = (level / 255) * (stops.length - 1);
    const index = Math.min(stops.length - 2, Math.floor(place));
    return stops[index].map((value, channel) => Math.round(value + (place - index) * (stops[index + 1][channel] - value)));
  });
}

// The grids of the service with their levels as bytes.
export function decode(map) {
  const levels = map.levels.map((text) => Uint8Array.from(atob(text), (char) => char.charCodeAt(0)));
  return { ...map, levels };
}

// Scores of all cells at a time: the grids before and after, mixed; outside the first and last, those.
export function scoresAt(map, seconds) {
  const times = map.times_seconds;
  let after = times.findIndex((time) => time >= seconds);
  if (after === -1) after = times.length - 1;
  const before = Math.max(0, times[after] > seconds ? after - 1 : after);
  const span = times[after] - times[before];
  const share = span > 0 ? (seconds - times[before]) / span : 0;
  const [first, second] = [map.levels[before], map.levels[after]];
  const step = (map.high - map.low) / 255;
  return Float64Array.from(first, (level, index) => map.low + step * (level + share * (second[index] - level)));
}

export class Overlay {
  // palettes: name → RGB stops, as the server has them.
  constructor(canvas, palettes) {
    this.palettes = palettes;
    this.canvas = canvas;
    this.context = canvas.getContext("2d");
    this.strength = 0.55;
    this.palette = "red_blue";
    this.limits = null; // [low, high]; null: those of the map
  }

  setMap(map) {
    this.map = decode(map);
    this.canvas.width = map.width;
    this.canvas.height = map.height;
  }

  range() {
    return this.limits ?? [this.map.low, this.map.high];
  }

  draw(seconds) {
    if (!this.map || this.canvas.hidden) return;
    const [low, high] = this.range();
    const table = colours(this.palettes[this.palette]);
    const picture = this.context.createImageData(this.map.width, this.map.height);
    const alpha = Math.round(255 * this.strength);
    scoresAt(this.map, seconds).forEach((score, index) => {
      const level = Math.min(255, Math.max(0, Math.round((255 * (score - low)) / (high - low))));
      picture.data.set([...table[level], alpha], 4 * index);
    });
    this.context.putImageData(picture, 0, 0);
  }

  drawLegend(canvas) {
    const context = canvas.getContext("2d");
    colours(this.palettes[this.palette]).forEach((rgb, level) => {
      context.fillStyle = `rgb(${rgb.join(" ")})`;
      context.fillRect(level, 0, 1, canvas.height);
    });
  }
}
