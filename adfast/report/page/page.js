// Brings the page to life.
drawCharts();
if (document.getElementById("replay-panel")) startReplay();
