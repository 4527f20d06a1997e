// Draws the charts of the bulletin, each from the table that stands in it: there are no
// other figures on the page, so that the drawing can't differ from what is read aloud.

import { BarChart, HeatmapChart, LineChart } from "echarts/charts";
import { AriaComponent, GridComponent, LegendComponent, TooltipComponent, VisualMapComponent } from "echarts/components";
import { init, use } from "echarts/core";
import { CanvasRenderer } from "echarts/renderers";

use([
  AriaComponent, BarChart, CanvasRenderer, GridComponent, HeatmapChart, LegendComponent, LineChart,
  TooltipComponent, VisualMapComponent,
]);

// Apart by lightness, too, and each with a mark or pattern of its own.
const COLOURS = ["#12365f", "#b4541a", "#6f8fb8"];
const SYMBOLS = ["circle", "rect", "triangle"];
// The shades of the maps, which stay apart in grey.
const SHADES = ["#c3d3e8", "#7f9cc4", "#3f69a0", "#12365f"];
const KINDS = { bars, heat, trend: lines };
const STILL = matchMedia("(prefers-reduced-motion: reduce)").matches;
const MOST_BARS = 15;
// So much of a chart's width its names may take.
const NAMES_SHARE = 0.35;

for (const figure of document.querySelectorAll("[data-chart]")) {
  draw(figure);
}

function draw(figure) {
  const table = read(figure.querySelector("table"));
  const place = figure.querySelector(".drawing");
  if (table.rows.length === 0) {
    return;
  }
  place.hidden = false;
  place.setAttribute("role", "img");
  place.setAttribute("aria-label", figure.dataset.title);
  if (figure.dataset.chart === "bars") {
    place.style.height = `${3 + 1.75 * Math.min(table.rows.length, MOST_BARS)}rem`;
  }
  const font = getComputedStyle(document.body).fontFamily;
  const chart = init(place, null, { renderer: "canvas" });
  chart.setOption({
    animation: !STILL,
    color: COLOURS,
    textStyle: { fontFamily: font, fontSize: 13 },
    // Tooltips are drawn, since a page takes no style from a script's text (CSP).
    tooltip: { trigger: "axis", renderMode: "richText" },
    ...KINDS[figure.dataset.chart](table, place.clientWidth),
  });
  new ResizeObserver(() => chart.resize()).observe(place);
}

// The first column names the rows; the others are numbers, or none where nothing was counted.
function read(table) {
  const heads = [...table.tHead.rows[0].cells].map((cell) => cell.textContent.trim());
  const rows = [...table.tBodies[0].rows].map((row) => [...row.cells].map((cell) => cell.textContent.trim()));
  const numbers = heads.map((_, column) => column).filter((column) => table.tHead.rows[0].cells[column].classList.contains("num"));
  return { heads, rows, numbers };
}

function number(text) {
  const value = Number.parseFloat(text.replaceAll(",", ""));
  return Number.isNaN(value) ? null : value;
}

function lines({ heads, rows, numbers }) {
  return {
    grid: { left: 8, right: 16, top: 40, bottom: 8, containLabel: true },
    legend: { top: 0, left: 0, data: numbers.map((column) => heads[column]) },
    xAxis: { type: "category", data: rows.map((row) => row[0]), axisLabel: { hideOverlap: true } },
    yAxis: { type: "value", minInterval: 1 },
    series: numbers.map((column, at) => ({
      name: heads[column],
      type: "line",
      symbol: SYMBOLS[at],
      symbolSize: 7,
      lineStyle: { type: ["solid", "dashed", "dotted"][at], width: 2 },
      data: rows.map((row) => number(row[column])),
    })),
  };
}

function bars({ heads, rows, numbers }, width) {
  const shown = rows.slice(0, MOST_BARS);
  return {
    grid: { left: 8, right: 48, top: 8, bottom: 8, containLabel: true },
    xAxis: { type: "value", minInterval: 1, splitNumber: width < 500 ? 2 : 5 },
    yAxis: {
      type: "category",
      inverse: true,
      data: shown.map((row) => row[0]),
      axisLabel: { width: width * NAMES_SHARE, overflow: "break", lineHeight: 13, fontSize: width < 500 ? 11 : 13 },
    },
    series: [{
      name: heads[numbers[0]],
      type: "bar",
      barMaxWidth: 20,
      label: { show: true, position: "right" },
      data: shown.map((row) => number(row[numbers[0]])),
    }],
  };
}

// A line of the table is a weekday, a column an hour; a cell that names no number stays empty.
function heat({ heads, rows, numbers }) {
  const cells = rows.flatMap((row, day) => numbers.map((column, hour) => [hour, day, number(row[column])]));
  const shown = cells.filter(([, , value]) => value !== null);
  const most = Math.max(1, ...shown.map(([, , value]) => value));
  return {
    grid: { left: 8, right: 8, top: 8, bottom: 56, containLabel: true },
    tooltip: {
      renderMode: "richText",
      formatter: ({ value: [hour, day] }) => `${rows[day][0]} ${heads[numbers[hour]]}\n${rows[day][numbers[hour]]}`,
    },
    xAxis: { type: "category", data: numbers.map((column) => heads[column]), splitArea: { show: true } },
    yAxis: { type: "category", inverse: true, data: rows.map((row) => row[0]), splitArea: { show: true } },
    visualMap: {
      min: Math.min(most, ...shown.map(([, , value]) => value)), max: most, calculable: false,
      orient: "horizontal", left: "center", bottom: 0, inRange: { color: SHADES },
    },
    series: [{ type: "heatmap", data: shown, itemStyle: { borderColor: "#fff", borderWidth: 1 } }],
  };
}
