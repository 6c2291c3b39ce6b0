/* Times and sizes as people read them. */

import { say } from "./texts.js";

const two = (n) => String(n).padStart(2, "0");

/* 1214000 → "20:14", 4414000 → "1:13:34" */
export function clock(ms) {
  const s = Math.max(0, Math.floor(ms / 1000));
  const h = Math.floor(s / 3600);
  const m = Math.floor((s % 3600) / 60);
  return h ? `${h}:${two(m)}:${two(s % 60)}` : `${m}:${two(s % 60)}`;
}

/* "20:14", "1:13:34", "20:14.5" or plain seconds → ms; null when it is none of these */
export function parseClock(text) {
  const parts = text.trim().replaceAll("：", ":").split(":");
  if (parts.length > 3 || !parts.every((part, i) => /^\d+$/.test(part) || (i === parts.length - 1 && /^\d+\.\d+$/.test(part)))) return null;
  return Math.round(parts.reduce((sum, part) => sum * 60 + Number(part), 0) * 1000);
}

/* Seconds in words, rounded the way one would say it. */
export function lasting(seconds) {
  const s = Math.max(1, Math.round(seconds));
  if (s < 60) return say("seconds", { n: s });
  const m = Math.round(s / 60);
  if (m < 60) return say("minutes", { n: m });
  return say("hours_minutes", { h: Math.floor(m / 60), m: m % 60 });
}

export function bytes(n) {
  if (n >= 1 << 30) return `${(n / (1 << 30)).toFixed(1)} GB`;
  if (n >= 1 << 20) return `${(n / (1 << 20)).toFixed(1)} MB`;
  return `${Math.max(1, Math.round(n / 1024))} KB`;
}
