// What a score means, in words. Pure functions of the result and the model's facts.

import { clock, number, percent, plain } from "./format.js";

const GRADES = ["bad", "poor", "fair", "good", "excellent"];
const ORDER = ["lowest", "second", "middle", "fourth", "highest"];

export function grade(score, info) {
  return GRADES[fifth(score, info)];
}

function fifth(score, info) {
  const share = (score - info.scale_minimum) / (info.scale_maximum - info.scale_minimum);
  return Math.min(4, Math.max(0, Math.floor(5 * share)));
}

export function scaleName(info) {
  return `${info.scale_label} ${plain(info.scale_minimum)}–${plain(info.scale_maximum)}`;
}

function calibrated(result) {
  return result.provenance.combine === "calibrated";
}

// Sentences, most important first.
export function meaning(result, info) {
  if (!calibrated(result)) return ["An uncalibrated score: good for ranking videos, not as a number."];
  const place = fifth(result.score, info);
  const word = GRADES[place];
  const sentences = [
    `${word[0].toUpperCase()}${word.slice(1)}: in the ${ORDER[place]} fifth of the scale (${info.scale_kind}).`,
  ];
  if (result.interval) sentences.push(...intervalWords(result.interval, info));
  else sentences.push("The model has no interval: how sure this number is, is not known.");
  const share = result.disagreement / (info.scale_maximum - info.scale_minimum);
  if (share > 0.15) {
    sentences.push(`The two models disagree by ${number(result.disagreement)}: a reason for doubt.`);
  }
  return sentences;
}

function intervalWords(interval, info) {
  const share = (interval.high - interval.low) / (info.scale_maximum - info.scale_minimum);
  const range = `between ${number(interval.low)} and ${number(interval.high)}`;
  const sure = `For ${percent(interval.coverage)} of videos like those it was calibrated on, the true value lies ${range}.`;
  if (share > 0.6) return [sure, "That is most of the scale: this one number says little; compare versions of one scene."];
  if (share > 0.3) return [sure, "That is wide: small differences between videos mean nothing."];
  return [sure];
}

export function comparison(a, b) {
  if (a.provenance.weights_sha256 !== b.provenance.weights_sha256) {
    return `Scored by different models (${a.provenance.model}, ${b.provenance.model}): the numbers do not compare.`;
  }
  const difference = a.score - b.score;
  const names = [a.path, b.path];
  if (Math.abs(difference) < 1e-9) return "Both videos have the same score.";
  const [better, worse] = difference > 0 ? names : names.slice().reverse();
  const first = `${better} scores ${number(Math.abs(difference))} higher than ${worse}.`;
  if (!a.interval || !b.interval) return first;
  const apart = a.interval.low > b.interval.high || b.interval.low > a.interval.high;
  return apart
    ? `${first} Their intervals do not overlap.`
    : `${first} Their intervals overlap, so the order of the true values is not certain.`;
}

export function momentText(item) {
  return `${clock(item.start_seconds)}–${clock(item.end_seconds)}, score ${number(item.score)}`;
}
