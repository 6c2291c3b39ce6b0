/* JSON calls with the page's token. Every outcome is one of: an answer, SignedOut, Dropped (try again), Refused. */

export class Dropped extends Error {} // the network, or the server for a moment
export class SignedOut extends Error {}
export class Refused extends Error {
  constructor(status, body) {
    super(body.message || Object.values(body.errors || {}).flat().join(" "));
    this.status = status;
    this.body = body;
  }
}

const tag = document.querySelector("meta[name='csrf-token']");

export const token = () => tag.content;

/* After signing in again in another tab the token of this page is stale: take a new one. */
export async function renewToken() {
  const page = await fetch(location.href, { headers: { Accept: "text/html" } });
  const fresh = new DOMParser().parseFromString(await page.text(), "text/html").querySelector("meta[name='csrf-token']");
  if (page.redirected || !fresh) throw new SignedOut();
  tag.content = fresh.content;
}

export async function call(method, url, body, { renewed = false, signal } = {}) {
  let answer;
  try {
    answer = await fetch(url, {
      method,
      signal,
      headers: { Accept: "application/json", "Content-Type": "application/json", "X-Requested-With": "fetch", "X-CSRFToken": token() },
      body: body === undefined ? undefined : JSON.stringify(body),
    });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Dropped(error.message);
  }
  if (answer.status >= 500 || answer.status === 429) throw new Dropped(String(answer.status));
  if (answer.status === 401 || answer.redirected) throw new SignedOut();
  if (answer.status === 204) return {};
  const content = await answer.json().catch(() => ({}));
  if (answer.ok) return content;
  if (answer.status === 400 && !renewed && method !== "GET") {
    await renewToken();
    return call(method, url, body, { renewed: true, signal });
  }
  throw new Refused(answer.status, content);
}
