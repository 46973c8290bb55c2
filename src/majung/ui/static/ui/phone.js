/* The live phone preview: a form with data-preview="URL" is posted there as one types, and the answer takes the place of
   the element named by data-preview-target. Later answers win; an answer that comes too late is dropped. */
(() => {
  'use strict';
  const WAIT_MS = 250;
  const timers = new WeakMap();
  const turns = new WeakMap();

  async function preview(form) {
    const turn = (turns.get(form) ?? 0) + 1;
    turns.set(form, turn);
    const target = document.querySelector(form.dataset.previewTarget);
    const body = new FormData(form);
    for (const [name, value] of [...body]) if (value instanceof File) body.delete(name); /* files wait for the save */
    const token = document.querySelector('meta[name="csrf-token"]')?.content;
    let answer;
    try {
      answer = await fetch(form.dataset.preview, { method: 'POST', body, headers: { 'HX-Request': 'true', ...(token ? { 'X-CSRFToken': token } : {}) } });
    } catch { return; } /* no network: the last picture stays */
    if (turns.get(form) !== turn || !target || answer.status >= 500 || answer.headers.has('HX-Retarget')) return;
    target.innerHTML = await answer.text();
    htmx.process(target);
  }
  const soon = (form) => {
    clearTimeout(timers.get(form));
    timers.set(form, setTimeout(() => preview(form), WAIT_MS));
  };
  for (const kind of ['input', 'change']) {
    document.addEventListener(kind, (event) => {
      const form = event.target instanceof Element && event.target.closest('form[data-preview]');
      if (form) soon(form);
    });
  }
  document.querySelectorAll('form[data-preview]').forEach(preview);
})();
