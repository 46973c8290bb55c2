/* Draws every <figure data-chart> out of the table inside it, so that the picture and the numbers cannot differ.
   Colours come from the tokens at draw time; a change of brightness draws again. Bars start at zero. */
(() => {
  'use strict';
  const styles = () => getComputedStyle(document.documentElement);
  const show = new Intl.NumberFormat('ko-KR', { maximumFractionDigits: 1 });
  const drawn = new Map();

  function read(figure) {
    const table = figure.querySelector('table');
    const names = [...table.tHead.rows[0].cells].slice(1).map((th) => th.textContent.trim());
    const rows = [...table.tBodies[0].rows];
    const value = (cell) => (cell.dataset.v === '' ? null : Number(cell.dataset.v));
    return {
      names,
      labels: rows.map((row) => row.cells[0].textContent.trim()),
      columns: names.map((_, i) => rows.map((row) => value(row.cells[i + 1]))),
    };
  }

  function option(figure) {
    const root = styles();
    const token = (name) => root.getPropertyValue(name).trim();
    const font = token('--mj-font');
    const { names, labels, columns } = read(figure);
    const { kind, unit = '', limit, limitLabel, bandFrom, bandTo, bandLabel } = figure.dataset;
    const has = (flag) => figure.dataset[flag] !== undefined;
    const percent = has('percent');
    const write = (v) => (v === null || v === undefined ? '–' : percent ? `${show.format(v * 100)}%` : `${show.format(v)}${unit}`);
    const colours = [1, 2, 3, 4].map((i) => token(`--mj-cat-${i}`));
    const words = { color: token('--mj-ink-3'), fontFamily: font, fontSize: 11.5 };
    const line = kind === 'line';
    const last = labels.length - 1;
    const alone = names.length === 1;
    const peak = alone ? columns[0].indexOf(Math.max(...columns[0].filter((v) => v !== null))) : -1;
    const few = alone && !line && labels.length <= 12;

    const series = columns.map((column, s) => ({
      name: names[s], type: line ? 'line' : 'bar', stack: has('stacked') ? 'all' : undefined,
      symbol: 'none', barMaxWidth: 34, barCategoryGap: '38%', connectNulls: false,
      lineStyle: { width: 2, color: alone ? token('--mj-accent') : colours[s] },
      areaStyle: line && alone ? { color: token('--mj-accent-soft') } : undefined,
      itemStyle: { color: alone ? token('--mj-water-400') : colours[s] },
      label: few ? { show: true, position: 'top', color: token('--mj-ink-2'), fontFamily: font, fontSize: 12, fontWeight: 600, formatter: (p) => write(p.value) } : undefined,
      data: line ? column : column.map((v, i) => ({
        value: v,
        itemStyle: {
          color: alone ? (i === peak ? token('--mj-accent') : token('--mj-water-400')) : colours[s],
          opacity: has('partial') && i === last ? 0.45 : 1,
          borderRadius: has('stacked') && s < columns.length - 1 ? 0 : [3, 3, 0, 0],
        },
      })),
      markLine: s === 0 && limit ? {
        silent: true, symbol: 'none', data: [{ yAxis: Number(limit) }], lineStyle: { color: token('--mj-field'), type: 'dashed' },
        label: { formatter: limitLabel, position: 'insideEndTop', color: token('--mj-ink-3'), fontSize: 11.5, fontFamily: font },
      } : undefined,
      markArea: s === 0 && bandLabel ? {
        silent: true, itemStyle: { color: token('--mj-warn-soft') },
        label: { color: token('--mj-warn'), fontSize: 11.5, fontFamily: font, position: 'top', distance: 4 },
        data: [[{ name: bandLabel, xAxis: bandFrom }, { xAxis: bandTo }]],
      } : undefined,
    }));
    const top = Math.max(0, ...columns.flat().filter((v) => v !== null));
    return {
      animation: false, textStyle: { fontFamily: font },
      grid: { left: 4, right: 12, top: alone ? 26 : 34, bottom: 2, containLabel: true },
      legend: alone ? undefined : { top: 0, left: 0, itemWidth: 10, itemHeight: 10, icon: 'roundRect', textStyle: { ...words, color: token('--mj-ink-2') } },
      tooltip: {
        trigger: 'axis', renderMode: 'richText', confine: true,
        backgroundColor: token('--mj-surface'), borderColor: token('--mj-line-2'), textStyle: { color: token('--mj-ink'), fontSize: 13, fontFamily: font },
        axisPointer: { type: line ? 'line' : 'shadow', lineStyle: { color: token('--mj-line-2') }, shadowStyle: { color: token('--mj-grid'), opacity: 0.7 } },
        formatter: (points) => [points[0].axisValue, ...points.map((p) => `${names.length > 1 ? `${p.seriesName} ` : ''}${write(p.value)}`)].join('\n'),
      },
      xAxis: { type: 'category', data: labels, boundaryGap: !line, axisTick: { show: false }, axisLine: { lineStyle: { color: token('--mj-line-2') } }, axisLabel: { ...words, hideOverlap: true } },
      yAxis: {
        type: 'value', min: 0, splitNumber: 3, max: limit && Number(limit) > top ? Math.ceil(Number(limit) * 1.15) : undefined,
        axisLabel: { ...words, formatter: (v) => (percent ? `${show.format(v * 100)}%` : show.format(v)) }, splitLine: { lineStyle: { color: token('--mj-grid') } },
      },
      series,
    };
  }

  function draw(figure) {
    const at = figure.querySelector('[data-chart-at]');
    let chart = drawn.get(at);
    if (!chart) {
      chart = echarts.init(at, null, { renderer: 'canvas' });
      drawn.set(at, chart);
      new ResizeObserver(() => chart.resize()).observe(at);
    }
    chart.setOption(option(figure), true);
  }
  function drawAll(within) {
    for (const [at, chart] of drawn) if (!at.isConnected) { chart.dispose(); drawn.delete(at); }
    within.querySelectorAll('figure[data-chart]').forEach(draw);
    if (within.matches?.('figure[data-chart]')) draw(within);
  }
  document.addEventListener('mj:theme', () => drawAll(document));
  document.addEventListener('htmx:load', (event) => drawAll(event.detail.elt));
  document.fonts.ready.then(() => { drawAll(document); document.documentElement.dataset.chartsReady = 'yes'; });
})();
