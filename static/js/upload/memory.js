/* Which upload a file belongs to, kept in this browser, so that a reload or a crash goes on where it stopped. */

const KEY = "livequal.uploads";
const KEEP_MS = 3 * 24 * 3600 * 1000; // as long as the server keeps an unfinished upload

export const fingerprint = (file) => `${file.name}|${file.size}|${file.lastModified}`;

function read() {
  try {
    return JSON.parse(localStorage.getItem(KEY)) || {};
  } catch {
    return {};
  }
}

function write(known) {
  try {
    localStorage.setItem(KEY, JSON.stringify(known));
  } catch {
    // A browser that keeps nothing can still upload; only a reload has to ask for the file by its row.
  }
}

export const recall = (file) => read()[fingerprint(file)]?.id;

export function remember(file, id) {
  const recent = Object.entries(read()).filter(([, entry]) => Date.now() - entry.at < KEEP_MS);
  write({ ...Object.fromEntries(recent), [fingerprint(file)]: { id, at: Date.now() } });
}

export function forget(file) {
  const known = read();
  delete known[fingerprint(file)];
  write(known);
}
