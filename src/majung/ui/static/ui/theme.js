/* Runs before the first paint: puts the chosen brightness on <html>. No choice means the machine's own. */
(() => {
  'use strict';
  try {
    const chosen = localStorage.getItem('mj-theme');
    if (chosen === 'light' || chosen === 'dark') document.documentElement.dataset.theme = chosen;
  } catch { /* storage may be shut: then the machine decides */ }
})();
