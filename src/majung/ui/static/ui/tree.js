/* Keyboard for a treegrid (WAI-ARIA): arrows move and open, Home and End jump, Enter follows the row's link.
   Rows carry aria-level and, with children, aria-expanded; children follow their parent. A row whose children are not
   loaded yet has data-children="URL" and gets them by htmx, which puts them behind it. */
(() => {
  'use strict';
  const level = (row) => Number(row.getAttribute('aria-level'));
  const shown = (grid) => [...grid.querySelectorAll('tbody tr[aria-level]')].filter((row) => !row.hidden);

  function* below(row) {
    for (let next = row.nextElementSibling; next && level(next) > level(row); next = next.nextElementSibling) yield next;
  }

  function setOpen(row, open) {
    row.setAttribute('aria-expanded', String(open));
    const button = row.querySelector('[data-twist]');
    button?.setAttribute('aria-label', `${button.dataset.twist} ${open ? '접기' : '펼치기'}`);
    button?.querySelector('.ti')?.setAttribute('class', `ti ti-chevron-${open ? 'down' : 'right'}`);
    if (open && row.dataset.children) {
      const url = row.dataset.children;
      delete row.dataset.children;
      htmx.ajax('GET', url, { target: row, swap: 'afterend' });
      return;
    }
    let shutBelow = Infinity;
    for (const child of below(row)) {
      if (level(child) <= shutBelow) shutBelow = Infinity;
      child.hidden = !open || level(child) > shutBelow;
      if (!child.hidden && child.getAttribute('aria-expanded') === 'false') shutBelow = level(child);
    }
  }

  function focus(grid, row) {
    if (!row) return;
    grid.querySelectorAll('tbody tr[tabindex="0"]').forEach((other) => { other.tabIndex = -1; });
    row.tabIndex = 0;
    row.focus();
  }

  function parentOf(row) {
    let before = row.previousElementSibling;
    while (before && level(before) >= level(row)) before = before.previousElementSibling;
    return before;
  }

  function prepare(within) {
    within.querySelectorAll('table[role="treegrid"]').forEach((grid) => {
      const rows = grid.querySelectorAll('tbody tr[aria-level]');
      rows.forEach((row) => { if (!row.hasAttribute('tabindex')) row.tabIndex = -1; });
      if (!grid.querySelector('tbody tr[tabindex="0"]') && rows[0]) rows[0].tabIndex = 0;
      grid.querySelectorAll('tbody tr[aria-expanded="false"]').forEach((row) => { if (!row.hidden) setOpen(row, false); });
    });
  }

  document.addEventListener('click', (event) => {
    const twist = event.target instanceof Element && event.target.closest('[role="treegrid"] [data-twist]');
    if (!twist) return;
    const row = twist.closest('tr');
    setOpen(row, row.getAttribute('aria-expanded') !== 'true');
  });

  document.addEventListener('keydown', (event) => {
    const row = event.target instanceof Element && event.target.closest('[role="treegrid"] tbody tr[aria-level]');
    if (!row || event.target.closest('input, select, textarea') || event.altKey || event.ctrlKey || event.metaKey) return;
    const grid = row.closest('table');
    const rows = shown(grid);
    const at = rows.indexOf(row);
    const open = row.getAttribute('aria-expanded');
    const moves = {
      ArrowDown: () => focus(grid, rows[at + 1]),
      ArrowUp: () => focus(grid, rows[at - 1]),
      Home: () => focus(grid, rows[0]),
      End: () => focus(grid, rows.at(-1)),
      ArrowRight: () => (open === 'false' ? setOpen(row, true) : focus(grid, [...below(row)].find((child) => !child.hidden))),
      ArrowLeft: () => (open === 'true' ? setOpen(row, false) : focus(grid, parentOf(row))),
      Enter: () => { if (event.target === row) row.querySelector('a')?.click(); },
    };
    if (!moves[event.key] || (event.key === 'Enter' && event.target !== row)) return;
    event.preventDefault();
    moves[event.key]();
  });

  document.addEventListener('htmx:load', (event) => prepare(event.detail.elt.closest('table')?.parentElement ?? event.detail.elt));
  prepare(document);
})();
