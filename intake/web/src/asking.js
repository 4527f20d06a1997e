// Asks the server, and says of what goes wrong whether it was the network or a refusal.

import { noteServerTime } from "./clock.js";

/** The server's refusal, or the network's silence (status 0). */
export class SendingFailed extends Error {
  /**
   * @param {number} status
   * @param {{type?: string, detail?: string}} problem
   * @param {number} retry_after_s
   */
  constructor(status, problem = {}, retry_after_s = 0) {
    super(problem.detail ?? `status ${status}`);
    this.status = status;
    this.code = (problem.type ?? "").split(":").pop() ?? "";
    this.detail = problem.detail ?? "";
    this.retry_after_s = retry_after_s;
  }
}

/**
 * @param {string} path
 * @param {RequestInit} options
 */
export async function ask(path, options) {
  const asked_ms = Date.now();
  let response;
  try {
    response = await fetch(path, { ...options, cache: "no-store", redirect: "error" });
  } catch {
    throw new SendingFailed(0);
  }
  await noteServerTime(response.headers.get("Date"), asked_ms);
  return response;
}

/**
 * Let go of an answer of which only the status counts: unread, it keeps its connection.
 * @param {Response} response
 */
export function letGo(response) {
  void response.body?.cancel().catch(() => {});
}

/** @param {Response} response */
export async function refusal(response) {
  const problem = await response.json().catch(() => ({}));
  const retry_after_s = Number(response.headers.get("Retry-After")) || 0;
  return new SendingFailed(response.status, problem, retry_after_s);
}
