// Keeps a page right without reloading it. The doorbell only says that the ledger has grown; what is shown is always
// read from the page's own part. Without the doorbell the part is read every two seconds; without scripts, by reload.
"use strict";
(() => {
  const live = document.getElementById("live");
  if (!live || !live.dataset.live) return;
  const heard = document.getElementById("heard");
  const POLL = 2000, RETRY_BELL = 5000;
  let tag = "", reading = false, again = false, bell = null, last = new Date();

  // Whether the server last said that a part is open: a part that it opens or shuts moves, what a reader opened stays.
  const said = new WeakMap();
  function listen() {
    for (const part of live.querySelectorAll("details")) if (!said.has(part)) said.set(part, part.open);
  }

  // Changes `from` into `to` in place, so that focus, open details and typed text stay where they are.
  function morph(from, to) {
    if (from.nodeType !== to.nodeType || from.nodeName !== to.nodeName || from.id !== to.id) {
      from.replaceWith(to);
      return;
    }
    if (from.nodeType !== Node.ELEMENT_NODE) {
      if (from.nodeValue !== to.nodeValue) from.nodeValue = to.nodeValue;
      return;
    }
    const typed = /^(INPUT|TEXTAREA|SELECT)$/.test(from.nodeName);
    const hidden = from.nodeName === "INPUT" && from.type === "hidden";
    const kept = (name) => (name === "open" && from.nodeName === "DETAILS") || (typed && !hidden && name === "value");
    for (const { name, value } of [...to.attributes]) {
      if (!kept(name) && from.getAttribute(name) !== value) from.setAttribute(name, value);
    }
    for (const { name } of [...from.attributes]) {
      if (!kept(name) && !to.hasAttribute(name)) from.removeAttribute(name);
    }
    if (typed) return;
    if (from.nodeName === "DETAILS" && said.has(from) && said.get(from) !== to.open) {
      from.open = to.open;
      said.set(from, to.open);
    }
    children(from, to);
  }

  const alike = (one, other) => one.nodeName === other.nodeName && (one.id || "") === (other.id || "");

  // An element with an id is found wherever it stood; the others are matched in order, passing over stray white space.
  function children(from, to) {
    const known = new Map();
    for (const node of from.children) if (node.id) known.set(node.id, node);
    let here = from.firstChild;
    for (const wanted of [...to.childNodes]) {
      const same = wanted.id && known.get(wanted.id);
      if (same && alike(same, wanted)) {
        if (same === here) here = here.nextSibling; else from.insertBefore(same, here);
        morph(same, wanted);
        continue;
      }
      while (here && here.nodeType === Node.TEXT_NODE && wanted.nodeType === Node.ELEMENT_NODE) {
        const next = here.nextSibling;
        here.remove();
        here = next;
      }
      if (here && alike(here, wanted)) {
        const next = here.nextSibling;
        morph(here, wanted);
        here = next;
      } else {
        from.insertBefore(wanted, here);
      }
    }
    while (here) {
      const next = here.nextSibling;
      here.remove();
      here = next;
    }
  }

  function say(text) {
    if (!heard) return;
    heard.hidden = !text;
    heard.textContent = text;
  }

  async function read() {
    if (reading) { again = true; return; }
    reading = true;
    try {
      const headers = { "X-Part": "1" };
      if (tag) headers["If-None-Match"] = tag;
      const answer = await fetch(live.dataset.live, { headers, cache: "no-store", redirect: "error" });
      if (answer.status === 401) { say("Your sign-in has ended. Load the page again to sign in."); stop(); return; }
      if (answer.status !== 304) {
        if (!answer.ok) throw new Error(String(answer.status));
        tag = answer.headers.get("ETag") || "";
        const page = new DOMParser().parseFromString(await answer.text(), "text/html");
        const inside = live.contains(document.activeElement);
        children(live, page.body);
        listen();
        if (inside && !live.contains(document.activeElement)) live.focus({ preventScroll: true });
      }
      last = new Date();
      say("");
    } catch (error) {
      say("Live updates paused, last read " + last.toISOString().slice(11, 19) + " UTC. The page keeps working.");
    } finally {
      reading = false;
      if (again) { again = false; read(); }
    }
  }

  function ring() {
    if (!live.dataset.bell || document.hidden || bell) return;
    bell = new EventSource(live.dataset.bell);
    bell.addEventListener("ledger", read);
    bell.addEventListener("error", () => {
      if (bell && bell.readyState === EventSource.CLOSED) { bell = null; setTimeout(ring, RETRY_BELL); }
    });
  }

  function hush() { if (bell) bell.close(); bell = null; }
  function stop() { clearInterval(clock); hush(); }

  const clock = setInterval(() => { if (!document.hidden) read(); }, POLL);
  document.addEventListener("visibilitychange", () => { if (document.hidden) hush(); else { read(); ring(); } });
  addEventListener("pagehide", hush);
  addEventListener("pageshow", ring);
  listen();
  ring();
  document.documentElement.dataset.ready = "live";
})();
