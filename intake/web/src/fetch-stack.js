// tus-js-client over fetch(): a service worker has nothing else, and only fetch() can leave
// out the cookies, so that an anonymous tip is nobody's also on a phone that is signed in.

/** @typedef {import("tus-js-client").HttpRequest} HttpRequest */

export class FetchStack {
  /** @param {RequestCredentials} credentials */
  constructor(credentials) {
    this.credentials = credentials;
  }

  getName() {
    return "FetchStack";
  }

  /**
   * @param {string} method
   * @param {string} url
   * @returns {HttpRequest}
   */
  createRequest(method, url) {
    return new FetchRequest(method, url, this.credentials);
  }
}

class FetchRequest {
  /**
   * @param {string} method
   * @param {string} url
   * @param {RequestCredentials} credentials
   */
  constructor(method, url, credentials) {
    this.credentials = credentials;
    this.method = method;
    this.url = url;
    /** @type {Record<string, string>} */
    this.headers = {};
    this.controller = new AbortController();
    /** @type {(bytes: number) => void} */
    this.progress = () => {};
  }

  getMethod() {
    return this.method;
  }

  getURL() {
    return this.url;
  }

  /**
   * @param {string} name
   * @param {string} value
   */
  setHeader(name, value) {
    this.headers[name] = value;
  }

  /** @param {string} name */
  getHeader(name) {
    return this.headers[name];
  }

  /** @param {(bytes: number) => void} handler */
  setProgressHandler(handler) {
    this.progress = handler;
  }

  /** @param {Blob | null} body */
  async send(body = null) {
    const response = await fetch(this.url, {
      method: this.method,
      headers: this.headers,
      body,
      credentials: this.credentials,
      signal: this.controller.signal,
    });
    const text = this.method === "HEAD" ? "" : await response.text();
    // fetch() tells of nothing on the way: a whole piece has arrived or none.
    if (body && response.ok) this.progress(body.size);
    return {
      getStatus: () => response.status,
      getHeader: (/** @type {string} */ name) => response.headers.get(name) ?? undefined,
      getBody: () => text,
      getUnderlyingObject: () => response,
    };
  }

  async abort() {
    this.controller.abort();
  }

  getUnderlyingObject() {
    return this;
  }
}
