// Draws the charts of the bulletin, each from the table that stands in it: there are no
// other figures on the page, so that the drawing can't differ from what is read aloud.

import { BarChart, LineChart } from "echarts/charts";
import { AriaComponent, GridComponent, LegendComponent, TooltipComponent } from "echarts/components";
import { init, use } from "echarts/core";
import { CanvasRenderer } from "echarts/renderers";

use([AriaComponent, BarChart, CanvasRenderer, GridComponent, LegendComponent, LineChart, TooltipComponent]);

// Apart by lightness, too, and each with a mark or pattern of its own.
const COLOURS = ["#12365f", "#b4541a", "#6f8fb8"];
const SYMBOLS = ["circle", "rect", "triangle"];
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
    ...(figure.dataset.chart === "bars" ? bars(table, place.clientWidth) : lines(table)),
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
