// Brings the page to life.
if (document.getElementById("charts")) drawCharts();
if (document.getElementById("replay-panel")) startReplay();
