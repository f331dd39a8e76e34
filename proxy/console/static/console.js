// Makes pages that work without it a little better: the browser's own time, and an overview that follows.
"use strict";

const SECONDS_BETWEEN_ANNOUNCEMENTS = 5;

for (const time of document.querySelectorAll("time[datetime]")) {
  showLocally(time);
}
const followed = document.querySelector("[data-events]");
if (followed) {
  follow(followed);
}

function showLocally(time) {
  const at = new Date(time.dateTime);
  const isToday = at.toDateString() === new Date().toDateString();
  time.title = time.dateTime;
  time.textContent = isToday ? at.toLocaleTimeString() : at.toLocaleString();
}

// Follows the server's events while the page is seen: a browser has few connections to one host for all its tabs.
function follow(table) {
  const live = document.getElementById("live");
  let source = null;

  function open() {
    if (source || document.hidden) {
      return;
    }
    source = new EventSource(table.dataset.events);
    source.onmessage = (event) => {
      live.textContent = "Live";
      show(JSON.parse(event.data));
    };
    source.addEventListener("end", () => {
      stop();
      live.textContent = "You are signed out, or the proxy has ended.";
    });
    source.onerror = () => {
      live.textContent =
        source && source.readyState === EventSource.CLOSED ? "Not live any more." : "Connecting again …";
    };
  }

  function stop() {
    if (source) {
      source.close();
      source = null;
    }
  }

  document.addEventListener("visibilitychange", () => (document.hidden ? stop() : open()));
  window.addEventListener("pagehide", stop);
  window.addEventListener("pageshow", open);
  open();
}

function show(state) {
  const ready = document.getElementById("ready");
  if (!state.is_ready) {
    ready.textContent = "The proxy takes no requests: it is coming to its end";
  }
  for (const row of document.querySelectorAll("tr[data-profile]")) {
    const profile = state.profiles[row.dataset.profile];
    showProfile(row, profile || { label: "removed", kind: "calm", note: "", at: null });
  }
  showTally(state.counts);
  showWarnings(state.warnings);
  showChart("requests", state.requests);
  showChart("renewals", state.renewals);
}

function showProfile(row, profile) {
  const cell = row.querySelector("[data-state]");
  const shown = JSON.stringify([profile.label, profile.note, profile.at]);
  if (cell.dataset.shown !== shown) {
    const before = cell.querySelector(".state").textContent;
    cell.replaceChildren(...stateParts(profile));
    if (cell.dataset.shown !== undefined || before !== profile.label) {
      highlight(cell);
    }
    cell.dataset.shown = shown;
    if (before !== profile.label) {
      announce(`${row.dataset.profile}: ${profile.label}`);
    }
  }
  setNumber(row.querySelector("[data-requests]"), profile.requests);
  setNumber(row.querySelector("[data-renewals]"), profile.renewals);
  if (typeof profile.users === "number") {
    setText(row.querySelector("[data-users]"), `${profile.users.toLocaleString("en")} authorized`);
  }
}

function stateParts(profile) {
  const badge = element("span", profile.label, `state ${profile.kind}`);
  if (!profile.note) {
    return [badge];
  }
  const about = element("span", `${profile.note} `, "about");
  if (profile.at !== null) {
    const time = document.createElement("time");
    time.dateTime = new Date(profile.at * 1000).toISOString();
    showLocally(time);
    about.append(time);
  }
  return [badge, " ", about];
}

function showTally(counts) {
  for (const link of document.querySelectorAll("[data-tally] [data-status]")) {
    const count = counts[link.dataset.status] || 0;
    link.closest("li").hidden = count === 0;
    setText(link.querySelector("[data-count]"), count.toLocaleString("en"));
  }
}

function showWarnings(warnings) {
  const section = document.getElementById("warnings");
  const shown = JSON.stringify(warnings);
  if (section.dataset.shown === shown) {
    return;
  }
  section.dataset.shown = shown;
  section.hidden = warnings.length === 0;
  section.querySelector("ul").replaceChildren(...warnings.map(warningItem));
}

function warningItem(warning) {
  const item = element("li", warning.text, "notice warning");
  warning.profiles.forEach((name, index) => {
    const link = element("a", name);
    link.href = `/profiles/${encodeURIComponent(name)}`;
    item.append(index ? ", " : " ", link);
  });
  if (warning.more) {
    item.append(`, and ${warning.more.toLocaleString("en")} more`);
  }
  return item;
}

// As charts.html draws it.
function showChart(name, counts) {
  const chart = document.querySelector(`[data-chart="${name}"]`);
  const peak = Math.max(...counts);
  const total = counts.reduce((sum, count) => sum + count, 0);
  chart.querySelectorAll("rect").forEach((bar, index) => {
    const height = counts[index] ? Math.max(2, (100 * counts[index]) / peak) : 0;
    bar.setAttribute("y", String(100 - height));
    bar.setAttribute("height", String(height));
  });
  setNumber(chart.querySelector("[data-total]"), total);
  setText(chart.querySelector("[data-peak]"), peak ? `at most ${peak.toLocaleString("en")} a minute` : "");
  setText(
    chart.querySelector("desc"),
    `${total.toLocaleString("en")} in the last hour, at most ${peak.toLocaleString("en")} in a minute, ` +
      `${counts[counts.length - 1].toLocaleString("en")} in the current one.`,
  );
}

// Changes of state are read out, several at once and not more often than people can listen to.
const announcements = [];
let announcing = null;

function announce(text) {
  announcements.push(text);
  announcing ??= setTimeout(() => {
    const more = announcements.length - 3;
    const said = announcements.slice(0, 3).join(", ") + (more > 0 ? `, and ${more} more changes` : "");
    document.getElementById("announced").textContent = said;
    announcements.length = 0;
    announcing = null;
  }, SECONDS_BETWEEN_ANNOUNCEMENTS * 1000);
}

function highlight(cell) {
  cell.classList.remove("changed");
  // The animation starts again only after the page was laid out without it.
  void cell.offsetWidth;
  cell.classList.add("changed");
}

function setNumber(node, number) {
  if (typeof number === "number") {
    setText(node, number.toLocaleString("en"));
  }
}

function setText(node, text) {
  if (node.textContent !== text) {
    node.textContent = text;
  }
}

function element(name, text, classes = "") {
  const made = document.createElement(name);
  made.textContent = text;
  if (classes) {
    made.className = classes;
  }
  return made;
}
