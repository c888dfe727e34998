// Fetches this page again and puts the new parts in place: elements marked data-live, found by their ids.
// What a person did stays: where logs were scrolled to (the end follows), what was opened, where the focus is.
"use strict";
const seconds = Number(document.currentScript.dataset.seconds);
const all = (root, selector) => [...root.querySelectorAll(selector)];
const atEnd = (log) => log.scrollHeight - log.scrollTop - log.clientHeight < 24;

function place(fresh, old) {
  if (fresh.innerHTML === old.innerHTML) return;
  const scrolled = new Map(all(old, "[data-follow]").map((log) => [log.id, atEnd(log) ? Infinity : log.scrollTop]));
  const opened = all(old, "details").map((details) => details.open);
  const focused = all(old, "a, summary, pre").indexOf(document.activeElement);
  old.replaceWith(document.adoptNode(fresh));
  all(fresh, "details").forEach((details, at) => { details.open = opened[at] ?? details.open; });
  all(fresh, "[data-follow]").forEach((log) => { log.scrollTop = Math.min(scrolled.get(log.id) ?? Infinity, log.scrollHeight); });
  if (focused >= 0) all(fresh, "a, summary, pre")[focused]?.focus({ preventScroll: true });
}

async function look() {
  if (!document.hidden && !String(getSelection())) {
    try {
      const answer = await fetch(location.href, { cache: "no-store", credentials: "omit" });
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      if (answer.ok) {
        all(document, "[data-live]").forEach((old) => {
          const fresh = page.getElementById(old.id);
          if (fresh) place(fresh, old);
        });
        if (!page.querySelector("script[data-seconds]")) return;
      }
    } catch { /* the emulator is being restarted: the next look finds it */ }
  }
  setTimeout(look, seconds * 1000);
}

all(document, "[data-follow]").forEach((log) => { log.scrollTop = log.scrollHeight; });
setTimeout(look, seconds * 1000);
