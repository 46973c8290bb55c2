/* What every page does: brightness, search key, menu on a phone, pop-ups, dialogs, copying, dropping files, messages,
   table labels for narrow screens, and the CSRF header for htmx. One listener a kind, on the document. */
(() => {
  'use strict';
  const root = document.documentElement;
  const closest = (event, selector) => (event.target instanceof Element ? event.target.closest(selector) : null);

  function toggleTheme() {
    const dark = root.dataset.theme ? root.dataset.theme === 'dark' : matchMedia('(prefers-color-scheme: dark)').matches;
    root.dataset.theme = dark ? 'light' : 'dark';
    try { localStorage.setItem('mj-theme', root.dataset.theme); } catch { /* kept for this page only */ }
    document.dispatchEvent(new CustomEvent('mj:theme'));
  }
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => document.dispatchEvent(new CustomEvent('mj:theme')));

  function openNav(open) {
    document.body.classList.toggle('mj-nav-on', open);
    document.querySelectorAll('[data-nav-open]').forEach((b) => b.setAttribute('aria-expanded', String(open)));
    if (open) document.querySelector('#nav a')?.focus();
  }

  async function copy(button) {
    const label = button.querySelector('span') ?? button;
    const before = label.textContent;
    try {
      await navigator.clipboard.writeText(button.dataset.copy);
      label.textContent = '복사했습니다';
    } catch {
      label.textContent = '직접 골라 복사해 주세요';
    }
    setTimeout(() => { label.textContent = before; }, 2000);
  }

  document.addEventListener('click', (event) => {
    const opener = closest(event, '[data-nav-open]');
    if (opener) openNav(!document.body.classList.contains('mj-nav-on'));
    else if (document.body.classList.contains('mj-nav-on') && !closest(event, '#nav')) openNav(false);
    document.querySelectorAll('details[data-pop][open]').forEach((pop) => { if (!pop.contains(event.target)) pop.open = false; });
    if (closest(event, '[data-theme-toggle]')) toggleTheme();
    closest(event, '[data-close]')?.closest('.mj-toast')?.remove();
    const copier = closest(event, '[data-copy]');
    if (copier) copy(copier);
    const dialog = closest(event, '[data-dialog]');
    if (dialog) document.getElementById(dialog.dataset.dialog)?.showModal();
    closest(event, '[data-dialog-close]')?.closest('dialog')?.close();
    if (event.target instanceof HTMLDialogElement) event.target.close();
    if (closest(event, '[data-back]')) history.back();
  });

  document.addEventListener('keydown', (event) => {
    const typing = event.target instanceof Element && event.target.closest('input, textarea, select, [contenteditable]');
    if (event.key === '/' && !typing && !event.ctrlKey && !event.metaKey && !event.altKey) {
      const search = document.querySelector('[data-search]');
      if (search) { event.preventDefault(); search.focus(); search.select(); }
    }
    if (event.key === 'Escape') {
      if (document.body.classList.contains('mj-nav-on')) { openNav(false); document.querySelector('[data-nav-open]')?.focus(); }
      document.querySelectorAll('details[data-pop][open]').forEach((pop) => { pop.open = false; pop.querySelector('summary')?.focus(); });
    }
  });

  /* file drop: the input covers the box, so dropping works without script; this names the file and shows the aim */
  const sizeOf = (bytes) => (bytes < 1048576 ? `${Math.ceil(bytes / 1024).toLocaleString('ko')} KB` : `${(bytes / 1048576).toFixed(1)} MB`);
  document.addEventListener('change', (event) => {
    const box = closest(event, '[data-drop]');
    if (!box) return;
    const files = [...(event.target.files ?? [])];
    box.querySelector('[data-drop-name]').textContent = files.map((f) => `${f.name} · ${sizeOf(f.size)}`).join(', ');
    box.classList.toggle('has-file', files.length > 0);
  });
  for (const [kind, on] of [['dragover', true], ['dragleave', false], ['drop', false]]) {
    document.addEventListener(kind, (event) => closest(event, '[data-drop]')?.classList.toggle('is-over', on));
  }

  /* a hand-written table gets the words of its head beside each cell, for the narrow layout */
  function labelTables(within) {
    within.querySelectorAll('table[data-labels]').forEach((table) => {
      const heads = [...table.querySelectorAll('thead th')].map((th) => th.textContent.trim());
      table.querySelectorAll('tbody tr, tfoot tr').forEach((row) => [...row.cells].forEach((cell, i) => {
        if (cell.tagName === 'TD' && !cell.dataset.label && heads[i]) cell.dataset.label = heads[i];
      }));
    });
  }

  function ready(within) {
    labelTables(within);
    within.querySelector('[data-focus]')?.focus();
  }
  document.addEventListener('htmx:configRequest', (event) => {
    const token = document.querySelector('meta[name="csrf-token"]')?.content;
    if (token && event.detail.verb !== 'get') event.detail.headers['X-CSRFToken'] = token;
  });
  document.addEventListener('htmx:load', (event) => ready(event.detail.elt));
  document.addEventListener('htmx:sendError', () => {
    const shown = document.createElement('div');
    shown.className = 'mj-toast mj-toast--error';
    const words = document.createElement('p');
    words.textContent = '서버에 닿지 못했습니다. 하던 일은 그대로 있습니다. 잠시 뒤 다시 해 주세요.';
    shown.append(words);
    document.getElementById('messages')?.append(shown);
  });
  ready(document);
})();
