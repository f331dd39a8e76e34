// Makes the form of a profile a little better: the preview, the explanation and what is not right yet follow it.
"use strict";

const MILLISECONDS_TO_WAIT = 600;
// A check of thousands of profiles takes a while, and the proxy has other things to do.
const SHARE_OF_TIME = 4;

const form = document.querySelector("form[data-draft]");
const problems = document.getElementById("problems");
let waiting = null;
let asked = null;
let took = 0;

// Without this, nothing would say that the page that has come is the answer.
if (problems) {
  problems.focus();
}
if (form) {
  form.addEventListener("input", later);
  form.addEventListener("change", later);
}

function later() {
  clearTimeout(waiting);
  waiting = setTimeout(ask, Math.max(MILLISECONDS_TO_WAIT, took * SHARE_OF_TIME));
}

async function ask() {
  asked?.abort();
  const mine = (asked = new AbortController());
  const begin = performance.now();
  try {
    const answer = await fetch(form.dataset.draft, {
      method: "POST",
      body: new URLSearchParams(new FormData(form)),
      signal: mine.signal,
      redirect: "manual",
    });
    if (answer.type === "opaqueredirect") {
      setText(
        document.getElementById("live"),
        "You are signed out, and nothing can be saved here: copy what you entered, and sign in again.",
      );
    } else if (answer.status === 200) {
      show(await answer.json());
      took = performance.now() - begin;
    }
  } catch {
    // It was typed on, or the proxy is gone: the buttons will tell.
  }
}

function show(draft) {
  document.getElementById("preview").textContent = draft.preview || "Nothing yet.";
  const explanation = document.getElementById("explanation");
  explanation.textContent = draft.explanation;
  explanation.hidden = !draft.explanation;
  const [first] = draft.problems;
  const more = draft.problems.length - 1;
  setText(
    document.getElementById("live"),
    first
      ? `Not right yet: ${first.label ? `${first.label}: ` : ""}${first.message}${more ? `, and ${more} more` : ""}`
      : "Everything is right.",
  );
}

// What is said again is read out again.
function setText(node, text) {
  if (node.textContent !== text) {
    node.textContent = text;
  }
}
