// Makes the Test page a little better: it says that a test is under way, and has the answer's two parts as tabs.
"use strict";

for (const form of document.querySelectorAll("form[data-trial]")) {
  form.addEventListener("submit", (event) => begin(form, event));
  // A page that comes back out of the browser's memory is at it no more.
  window.addEventListener("pageshow", () => delete form.dataset.running);
}
for (const group of document.querySelectorAll("[data-tabs]")) {
  makeTabs(group);
}

function begin(form, event) {
  if (form.dataset.running) {
    event.preventDefault();
    return;
  }
  form.dataset.running = "true";
  const result = form.querySelector("[role=status]");
  const waiting = document.createElement("p");
  waiting.className = "verdict";
  waiting.textContent = "Testing …";
  result.replaceChildren(waiting);
}

// The tabs pattern of the ARIA Authoring Practices Guide: one stop of the Tab key, arrows go from tab to tab.
function makeTabs(group) {
  const list = document.createElement("div");
  list.setAttribute("role", "tablist");
  list.setAttribute("aria-label", group.dataset.tabs);
  const panels = [...group.querySelectorAll("[data-tab]")];
  const tabs = panels.map((panel, index) => {
    const title = panel.querySelector("h3");
    const tab = document.createElement("button");
    tab.type = "button";
    tab.id = `tab-${title.id}`;
    tab.textContent = title.textContent;
    tab.setAttribute("role", "tab");
    panel.id = `panel-${title.id}`;
    tab.setAttribute("aria-controls", panel.id);
    panel.setAttribute("role", "tabpanel");
    panel.setAttribute("aria-labelledby", tab.id);
    panel.tabIndex = 0;
    title.hidden = true;
    tab.addEventListener("click", () => choose(index));
    list.append(tab);
    return tab;
  });

  function choose(chosen) {
    tabs.forEach((tab, index) => {
      tab.setAttribute("aria-selected", String(index === chosen));
      tab.tabIndex = index === chosen ? 0 : -1;
      panels[index].hidden = index !== chosen;
    });
  }

  list.addEventListener("keydown", (event) => {
    const at = tabs.indexOf(document.activeElement);
    const last = tabs.length - 1;
    const steps = {
      ArrowRight: at === last ? 0 : at + 1,
      ArrowLeft: at === 0 ? last : at - 1,
      Home: 0,
      End: last,
    };
    if (at >= 0 && event.key in steps) {
      event.preventDefault();
      choose(steps[event.key]);
      tabs[steps[event.key]].focus();
    }
  });
  group.prepend(list);
  choose(0);
}
