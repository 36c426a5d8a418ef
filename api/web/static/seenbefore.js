// What pages do beyond htmx: the theme, keys, copying, and saying when the service cannot be reached.
// Without it every page works all the same. It reads no error text and puts none anywhere.
"use strict";

(() => {
  const THEMES = ["system", "light", "dark"];
  const NAMES = { system: "as the system", light: "light", dark: "dark" };
  const root = document.documentElement;

  const remembered = () => {
    try {
      const theme = localStorage.getItem("seenbefore-theme");
      return THEMES.includes(theme) ? theme : "system";
    } catch {
      return "system"; // a browser that keeps nothing
    }
  };

  const show = (theme) => {
    if (theme === "system") root.removeAttribute("data-theme");
    else root.setAttribute("data-theme", theme);
    for (const place of document.querySelectorAll("[data-theme-name]")) place.textContent = NAMES[theme];
  };

  const nextTheme = () => {
    const theme = THEMES[(THEMES.indexOf(remembered()) + 1) % THEMES.length];
    try {
      localStorage.setItem("seenbefore-theme", theme);
    } catch {
      // shown now, forgotten later
    }
    show(theme);
  };

  const say = (text) => {
    const place = document.getElementById("notice");
    if (place === null) return;
    place.textContent = text;
    clearTimeout(say.timer);
    say.timer = setTimeout(() => { place.textContent = ""; }, 5000);
  };

  const copy = async (button) => {
    const source = document.getElementById(button.dataset.copy);
    const text = source ? source.textContent : new URL(button.dataset.copyAddress || "", location.href).href;
    try {
      await navigator.clipboard.writeText(text);
      say("Copied.");
    } catch {
      say("This browser does not let pages copy. Select the text and copy it yourself.");
    }
  };

  const isTyping = (element) =>
    element instanceof HTMLElement && (element.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(element.tagName));

  const openHelp = () => {
    const help = document.getElementById("help");
    if (help && !help.open) help.showModal();
  };

  let awaiting = 0; // until when a letter after `g` counts

  const onKey = (event) => {
    if (event.defaultPrevented || event.isComposing) return;
    const place = event.target;
    if ((event.ctrlKey || event.metaKey) && event.key === "Enter" && place.form) {
      event.preventDefault();
      place.form.requestSubmit();
      return;
    }
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (isTyping(place)) {
      if (event.key === "Escape") place.blur();
      return;
    }
    if (document.querySelector("dialog[open]")) return;
    if (Date.now() < awaiting) {
      awaiting = 0;
      const link = document.querySelector(`nav a[data-letter="${CSS.escape(event.key)}"]`);
      if (link) {
        event.preventDefault();
        link.click();
      }
      return;
    }
    if (event.key === "g") awaiting = Date.now() + 1500;
    else if (event.key === "?") { event.preventDefault(); openHelp(); }
    else if (event.key === "/") {
      const field = document.querySelector("[data-search]") || document.querySelector("main textarea, main input[type=search]");
      const link = document.querySelector('nav a[data-letter="s"]') || document.querySelector("nav a");
      event.preventDefault();
      if (field) { field.focus(); field.select(); }
      else if (link) link.click();
    }
  };

  const onClick = (event) => {
    const button = event.target.closest("button");
    if (button === null) return;
    if (button.hasAttribute("data-theme-switch")) nextTheme();
    else if (button.hasAttribute("data-help-open")) openHelp();
    else if ("copy" in button.dataset || "copyAddress" in button.dataset) copy(button);
  };

  // What is sent is sent once: the button rests until the page has its answer.
  const onSubmit = (event) => {
    const button = event.submitter;
    if (button && !event.target.hasAttribute("hx-post") && event.target.method === "post") {
      setTimeout(() => { button.disabled = true; button.setAttribute("aria-busy", "true"); });
    }
  };

  const onShow = () => {
    for (const each of document.querySelectorAll("button[aria-busy]")) {
      each.disabled = false; // back from the page that it led to
      each.removeAttribute("aria-busy");
    }
  };

  const begin = () => {
    show(remembered());
    for (const each of document.querySelectorAll("[data-theme-switch], [data-help-open], [data-copy], [data-copy-address]")) {
      each.hidden = false;
    }
  };

  show(remembered()); // before anything is drawn
  document.addEventListener("DOMContentLoaded", begin);
  document.addEventListener("htmx:afterSettle", (event) => {
    begin();
    const said = event.target.querySelector("[data-said]"); // the form that had the focus is gone
    if (said) said.focus();
  });
  document.addEventListener("htmx:sendError", () => say("The service cannot be reached. What you wrote is still here."));
  document.addEventListener("keydown", onKey);
  document.addEventListener("click", onClick);
  document.addEventListener("submit", onSubmit);
  window.addEventListener("pageshow", onShow);
})();
