// Fetches this page again and puts the new parts in place: elements marked data-live, found by their ids.
// Logs marked data-follow stay at their end when a person has not scrolled away from it.
"use strict";
const seconds = Number(document.currentScript.dataset.seconds);
const atEnd = (log) => log.scrollHeight - log.scrollTop - log.clientHeight < 24;
const toEnd = (root) => root.querySelectorAll("[data-follow]").forEach((log) => { log.scrollTop = log.scrollHeight; });

function place(fresh, old) {
  if (fresh.innerHTML === old.innerHTML) return;
  const positions = new Map();
  old.parentElement.querySelectorAll("[data-follow]").forEach((log) => positions.set(log.id, atEnd(log) ? Infinity : log.scrollTop));
  old.replaceWith(document.adoptNode(fresh));
  fresh.parentElement.querySelectorAll("[data-follow]").forEach((log) => {
    const position = positions.get(log.id);
    log.scrollTop = position === undefined || position === Infinity ? log.scrollHeight : position;
  });
}

async function look() {
  if (!document.hidden && !String(getSelection())) {
    try {
      const answer = await fetch(location.href, { cache: "no-store", credentials: "omit" });
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      if (answer.ok) {
        document.querySelectorAll("[data-live]").forEach((old) => {
          const fresh = page.getElementById(old.id);
          if (fresh && old.isConnected) place(fresh, old);
        });
        if (!page.querySelector("script[data-seconds]")) return;
      }
    } catch { /* the emulator is being restarted: the next look finds it */ }
  }
  setTimeout(look, seconds * 1000);
}

toEnd(document);
setTimeout(look, seconds * 1000);
