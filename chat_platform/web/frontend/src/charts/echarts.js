// Bars, lines and treemaps by ECharts, drawn as SVG; only the parts that we use are in the bundle.
//
// Tooltips are drawn into the picture (`richText`): an HTML tooltip would need inline styles, which the policy
// forbids, and would be a place where chat text could become markup.
import { BarChart, LineChart, TreemapChart } from "echarts/charts";
import { GridComponent, LegendPlainComponent, TooltipComponent } from "echarts/components";
import { init, use } from "echarts/core";
import { SVGRenderer } from "echarts/renderers";

use([BarChart, LineChart, TreemapChart, GridComponent, LegendPlainComponent, TooltipComponent, SVGRenderer]);

const ROW = 30;

/** Draw `bar`, `line` or `treemap`. */
export function draw(element, data, theme) {
  const kind = element.dataset.chart;
  const place = document.createElement("div");
  place.className = "plot";
  if (kind === "bar" && data.horizontal) {
    place.style.height = `${Math.max(data.labels.length, 2) * ROW + 48}px`;
  }
  element.append(place);
  const chart = init(place, null, { renderer: "svg" });
  const options = { bar: axes, line: axes, treemap }[kind](data, theme, kind, place.clientWidth);
  chart.setOption({ ...common(theme, data.unit), ...options });
  if (kind !== "treemap") element.setAttribute("aria-description", described(data, theme.count));
  return {
    resize: (width) => width > 0 && chart.resize({ width }),
    destroy: () => {
      chart.dispose();
      place.remove();
    },
  };
}

function common(theme, unit = "") {
  return {
    animation: !theme.still,
    animationDuration: 200,
    color: theme.series,
    textStyle: { fontFamily: theme.font, color: theme.text },
    tooltip: {
      renderMode: "richText",
      confine: true,
      backgroundColor: theme.surface,
      borderColor: theme.line,
      textStyle: { color: theme.text, fontSize: 13 },
      valueFormatter: (value) => theme.count(value) + unit,
    },
  };
}

function axes(data, theme, kind, width) {
  const label = { color: theme.muted, fontSize: 12, hideOverlap: true };
  const categories = {
    type: "category",
    data: data.labels,
    axisTick: { show: false },
    axisLine: { lineStyle: { color: theme.line } },
    axisLabel: data.horizontal
      ? { ...label, color: theme.text, width: Math.min(160, width / 3), overflow: "truncate", interval: 0 }
      : label,
    inverse: Boolean(data.horizontal),
    triggerEvent: false,
    boundaryGap: kind === "bar",
  };
  const values = {
    type: "value",
    minInterval: data.unit === "%" ? 0 : 1,
    splitNumber: 4,
    splitLine: { lineStyle: { color: theme.line } },
    axisLabel: { ...label, formatter: (value) => theme.count(value) + (data.unit ?? "") },
  };
  const many = data.series.length > 1;
  return {
    grid: { left: 4, right: 16, top: many ? 36 : 12, bottom: 4, outerBoundsMode: "same", outerBoundsContain: "axisLabel" },
    legend: many
      ? { top: 0, left: 0, icon: "roundRect", itemWidth: 12, itemHeight: 12, textStyle: { color: theme.text } }
      : undefined,
    tooltip: { ...common(theme, data.unit).tooltip, trigger: "axis", axisPointer: { type: kind === "bar" ? "shadow" : "line" } },
    xAxis: data.horizontal ? values : categories,
    yAxis: data.horizontal ? categories : values,
    series: data.series.map((one) => ({
      type: kind,
      name: one.name,
      data: one.values,
      ...(kind === "bar"
        ? { barMaxWidth: 28, itemStyle: { borderRadius: data.horizontal ? [0, 4, 4, 0] : [4, 4, 0, 0] } }
        : {
            showSymbol: data.labels.length < 40,
            symbolSize: 6,
            lineStyle: { width: 2 },
            areaStyle: many ? undefined : { opacity: 0.12 },
            connectNulls: false,
          }),
    })),
  };
}

function treemap(data, theme) {
  return {
    series: [{
      type: "treemap",
      data: data.items,
      roam: false,
      nodeClick: false,
      breadcrumb: { show: false },
      left: 0,
      top: 0,
      right: 0,
      bottom: 0,
      itemStyle: { borderColor: theme.surface, borderWidth: 1, gapWidth: 2 },
      label: { fontSize: 13, color: "#fff", overflow: "truncate" },
    }],
  };
}

/** The highest value of every series in words, for those who cannot see the picture. */
function described(data, count) {
  return data.series
    .map(({ name, values }) => {
      const best = values.reduce((top, value, i) => (value !== null && (top < 0 || value > values[top]) ? i : top), -1);
      return best < 0 ? name : `${name}: max ${count(values[best])}${data.unit ?? ""} (${data.labels[best]})`;
    })
    .join(", ");
}
