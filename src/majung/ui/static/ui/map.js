/* The district map: one TopoJSON, two views (the nation, Seoul at its own scale), values read from the table inside the
   figure. A table of some districts only brings the map close to them. A press on a district goes where its row leads.
   Colours come from the tokens, so brightness draws again. */
(() => {
  'use strict';
  const show = new Intl.NumberFormat('ko-KR', { maximumFractionDigits: 1 });
  const SEOUL = '11';
  /* Ulleung and Dokdo lie far east: they move into a box near the coast, as printed maps do. */
  const ISLES = { east: 130.3, dx: -1.46, dy: 0.62, box: [[129.16, 38.3], [129.8, 37.92]], dokdo: [129.68, 38.02] };
  const BOUNDS = [[124.6, 38.65], [129.85, 33.1]];
  const NEAR = 0.6; /* a table with fewer of the districts than this share is looked at from near */
  const LON_SCALE = 0.81; /* a degree of longitude beside one of latitude, at 36° N */

  function withIsles(feature) {
    let moved = false;
    const ring = (points) => points.map(([x, y]) => {
      if (x <= ISLES.east) return [x, y];
      moved = true;
      return [x + ISLES.dx, y + ISLES.dy];
    });
    const { type, coordinates } = feature.geometry;
    const geometry = { type, coordinates: type === 'Polygon' ? coordinates.map(ring) : coordinates.map((p) => p.map(ring)) };
    return { ...feature, geometry, isles: moved };
  }

  function rowsOf(figure) {
    return new Map([...figure.querySelectorAll('tr[data-code]')].map((row) => [row.dataset.code, {
      value: row.dataset.v === '' ? null : Number(row.dataset.v), label: row.cells[0].textContent.trim(), url: row.dataset.url,
    }]));
  }

  function option(figure, map, data, extra) {
    const root = getComputedStyle(document.documentElement);
    const token = (name) => root.getPropertyValue(name).trim();
    const percent = figure.dataset.percent !== undefined;
    const write = (v) => (v === null || Number.isNaN(v) ? '–' : percent ? `${show.format(v * 100)}%` : `${show.format(v)}${figure.dataset.unit}`);
    const cuts = figure.dataset.breaks ? figure.dataset.breaks.split(',').map(Number) : [];
    const pieces = [...cuts, null].map((high, i) => ({
      ...(i > 0 ? { gte: cuts[i - 1] } : {}), ...(high === null ? {} : { lt: high }), color: token(`--mj-seq-${i + 1}`),
    }));
    const chosen = { label: { show: false }, itemStyle: { areaColor: token('--mj-warn-fill') } };
    return {
      animation: false, textStyle: { fontFamily: token('--mj-font') },
      tooltip: {
        renderMode: 'richText', confine: true, backgroundColor: token('--mj-surface'), borderColor: token('--mj-line-2'),
        textStyle: { color: token('--mj-ink'), fontSize: 13, fontFamily: token('--mj-font') },
        formatter: (p) => `${p.data?.label ?? p.name}\n${write(p.data?.value ?? null)}`,
      },
      visualMap: { show: false, type: 'piecewise', pieces },
      series: [{
        type: 'map', map, nameProperty: 'nec_code', roam: false, aspectScale: LON_SCALE, selectedMode: false, label: { show: false },
        itemStyle: { borderColor: token('--mj-map-line'), borderWidth: 0.5, areaColor: token('--mj-sunken') }, emphasis: chosen, data, ...extra,
      }],
    };
  }

  const within = ([[west, north], [east, south]], [[w, n], [e, s]]) => w >= west && e <= east && n <= north && s >= south;

  function box(chart, bounds) {
    if (!within(bounds, ISLES.box)) return;
    const root = getComputedStyle(document.documentElement);
    const token = (name) => root.getPropertyValue(name).trim();
    const at = (point) => chart.convertToPixel({ seriesIndex: 0 }, point);
    const [[x1, y1], [x2, y2], [cx, cy]] = [...ISLES.box, ISLES.dokdo].map(at);
    chart.setOption({
      graphic: [
        { id: 'box', type: 'rect', silent: true, shape: { x: x1, y: y1, width: x2 - x1, height: y2 - y1, r: 4 }, style: { fill: 'none', stroke: token('--mj-line-2') } },
        { id: 'dokdo', type: 'circle', silent: true, shape: { cx, cy, r: 1.8 }, style: { fill: token('--mj-seq-5') } },
        { id: 'name', type: 'text', silent: true, x: x1, y: y2 + 4, style: { text: '울릉·독도', fill: token('--mj-ink-3'), font: `11px ${token('--mj-font')}` } },
      ],
    });
  }

  const topologies = new Map();
  function load(url) {
    if (!topologies.has(url)) {
      topologies.set(url, fetch(url).then((answer) => {
        if (!answer.ok) throw new Error(String(answer.status));
        return answer.json();
      }).then((topo) => {
        const all = topojson.feature(topo, topo.objects.districts).features.map(withIsles);
        const seoul = all.filter((f) => f.properties.region_code === SEOUL);
        echarts.registerMap(`kr:${url}`, { type: 'FeatureCollection', features: all });
        echarts.registerMap(`seoul:${url}`, { type: 'FeatureCollection', features: seoul });
        return { all, seoul: new Set(seoul.map((f) => f.properties.nec_code)), seoulBounds: boundsOf(seoul) };
      }));
    }
    return topologies.get(url);
  }

  /* The largest size that keeps the shape of the land: ECharts measures the longer side of the map. */
  function fit(at, [[west, north], [east, south]]) {
    const aspect = ((east - west) * LON_SCALE) / (north - south);
    const { clientWidth: width, clientHeight: height } = at;
    return { layoutCenter: ['50%', '50%'], layoutSize: (aspect > 1 ? Math.min(width, height * aspect) : Math.min(height, width / aspect)) - 8 };
  }
  function boundsOf(features) {
    const points = features.flatMap((f) => f.geometry.coordinates.flat(f.geometry.type === 'Polygon' ? 1 : 2));
    if (features.some((f) => f.isles)) points.push(...ISLES.box);
    let [west, north, east, south] = [Infinity, -Infinity, -Infinity, Infinity];
    for (const [x, y] of points) [west, north, east, south] = [Math.min(west, x), Math.max(north, y), Math.max(east, x), Math.min(south, y)];
    return [[west, north], [east, south]];
  }

  const views = new WeakMap();
  function view(at, bounds, after) {
    if (!views.has(at)) {
      const chart = echarts.init(at, null, { renderer: 'canvas' });
      views.set(at, chart);
      chart.on('click', (press) => { if (press.data?.url) location.assign(press.data.url); });
      new ResizeObserver(() => {
        chart.resize();
        chart.setOption({ series: [fit(at, bounds)] });
        after?.(chart, bounds);
      }).observe(at);
    }
    return views.get(at);
  }

  async function draw(figure) {
    const url = figure.dataset.topo;
    let topo;
    try { topo = await load(url); } catch {
      topologies.delete(url);
      figure.querySelector('details').open = true; /* no map: the table says the same */
      return;
    }
    const rows = rowsOf(figure);
    const data = [...rows].map(([name, row]) => ({ name, ...row }));
    const seoulOnly = data.filter((d) => topo.seoul.has(d.name));
    const [kr, se] = [figure.querySelector('[data-map-kr]'), figure.querySelector('[data-map-seoul]')];
    const shown = topo.all.filter((f) => rows.has(f.properties.nec_code));
    const near = shown.length > 0 && shown.length < topo.all.length * NEAR;
    const bounds = near ? boundsOf(shown) : BOUNDS;
    const nation = view(kr, bounds, box);
    nation.setOption(option(figure, `kr:${url}`, data, { ...fit(kr, bounds), boundingCoords: bounds }), true);
    box(nation, bounds);
    figure.querySelector('[data-map-seoul-part]').hidden = near && (seoulOnly.length === 0 || seoulOnly.length === shown.length);
    view(se, topo.seoulBounds).setOption(option(figure, `seoul:${url}`, seoulOnly, fit(se, topo.seoulBounds)), true);
    const total = figure.querySelector('[data-map-seoul-sum]');
    if (figure.dataset.percent === undefined && seoulOnly.length) {
      total.textContent = `${show.format(seoulOnly.reduce((sum, d) => sum + (d.value ?? 0), 0))}${figure.dataset.unit} · ${seoulOnly.length}곳`;
    }
    document.documentElement.dataset.mapReady = 'yes';
  }
  const drawAll = (within) => {
    within.querySelectorAll('figure[data-map]').forEach(draw);
    if (within.matches?.('figure[data-map]')) draw(within);
  };
  document.addEventListener('mj:theme', () => drawAll(document));
  document.addEventListener('htmx:load', (event) => { if (event.detail.elt !== document.body) drawAll(event.detail.elt); });
  document.fonts.ready.then(() => drawAll(document));
})();
