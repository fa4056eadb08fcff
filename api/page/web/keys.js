// Keys and buttons: what people do to move about.

const byId = (id) => document.getElementById(id);

/** Let keys and buttons act on the chart, the list and the time zone. */
export function wireKeys({ chart, list, changeZone }) {
  const go = (step) => {
    const symbol = list.neighbour(step);
    if (symbol) location.hash = symbol;
  };
  const ofChart = {
    ArrowLeft: () => chart.move(-0.1),
    ArrowRight: () => chart.move(0.1),
    "+": () => chart.zoom(0.7),
    "-": () => chart.zoom(1.4),
    End: () => chart.showNow(),
  };
  const ofPage = {
    "/": () => byId("search").focus(),
    j: () => go(1),
    k: () => go(-1),
    u: changeZone,
  };
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.target.matches("input, select")) return;
    const action = (event.target === byId("chart") && ofChart[event.key]) || ofPage[event.key];
    if (!action) return;
    event.preventDefault();
    action();
  });
  byId("search").addEventListener("keydown", (event) => {
    if (event.key === "Enter" && list.shown?.length) location.hash = list.shown[0];
    if (event.key === "Escape") byId("search").blur();
  });
  byId("zone").addEventListener("click", changeZone);
  byId("zoom-in").addEventListener("click", ofChart["+"]);
  byId("zoom-out").addEventListener("click", ofChart["-"]);
  byId("now").addEventListener("click", ofChart.End);
}
