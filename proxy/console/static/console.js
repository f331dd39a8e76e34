// Makes pages that work without it a little better: the browser's own time, and states that change by themselves.
"use strict";

for (const time of document.querySelectorAll("time[datetime]")) {
  showLocally(time);
}

function showLocally(time) {
  const at = new Date(time.dateTime);
  const isToday = at.toDateString() === new Date().toDateString();
  time.title = time.dateTime;
  time.textContent = isToday ? at.toLocaleTimeString() : at.toLocaleString();
}
