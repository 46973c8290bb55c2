// Keeps the phones page fresh: ticks the clock, and reloads the panels when the sandbox says something changed.
"use strict";

const pad = (n) => String(n).padStart(2, "0");

function tick() {
  const clock = document.getElementById("clock");
  if (!clock) return;
  const at = new Date(Date.now() + Number(clock.dataset.offset) * 1000);
  clock.textContent = `${at.getUTCMonth() + 1}월 ${at.getUTCDate()}일 ${"일월화수목금토"[at.getUTCDay()]} ` +
    `${pad(at.getUTCHours())}:${pad(at.getUTCMinutes())}:${pad(at.getUTCSeconds())}`;
}

function toEnd() {
  for (const talk of document.querySelectorAll("[data-scroll=end]")) talk.scrollTop = talk.scrollHeight;
}

async function refresh() {
  const main = document.getElementById("main");
  if (document.hidden || document.activeElement?.tagName === "INPUT") return;
  const { version } = await (await fetch(main.dataset.live)).json();
  if (version === main.dataset.version) return;
  const next = new DOMParser().parseFromString(await (await fetch(location.href)).text(), "text/html");
  const list = document.querySelector(".list")?.scrollTop ?? 0;
  for (const id of ["live", "below"]) document.getElementById(id).replaceWith(next.getElementById(id));
  document.getElementById("clock").dataset.offset = next.getElementById("clock").dataset.offset;
  main.dataset.version = next.getElementById("main").dataset.version;
  const fresh = document.querySelector(".list");
  if (fresh) fresh.scrollTop = list;
  toEnd();
}

toEnd();
setInterval(tick, 1000);
setInterval(() => refresh().catch(() => {}), 1000);
