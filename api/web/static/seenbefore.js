// What pages do beyond htmx: the theme, keys, copying, and saying when an answer does not come.
// Without it every page works all the same. It reads no error text and puts none anywhere.
"use strict";

(() => {
  const THEMES = ["system", "light", "dark"];
  const NAMES = { system: "system", light: "light", dark: "dark" };
  const root = document.documentElement;

  const kept = (name) => {
    try {
      return localStorage.getItem(`seenbefore-${name}`);
    } catch {
      return null; // a browser that keeps nothing
    }
  };

  const keep = (name, value) => {
    try {
      localStorage.setItem(`seenbefore-${name}`, value);
    } catch {
      // it holds on this page, and is forgotten later
    }
  };

  const remembered = () => (THEMES.includes(kept("theme")) ? kept("theme") : "system");

  const show = (theme) => {
    if (theme === "system") root.removeAttribute("data-theme");
    else root.setAttribute("data-theme", theme);
    for (const place of document.querySelectorAll("[data-theme-name]")) place.textContent = NAMES[theme];
  };

  const nextTheme = () => {
    const theme = THEMES[(THEMES.indexOf(remembered()) + 1) % THEMES.length];
    keep("theme", theme);
    show(theme);
  };

  const say = (text) => {
    const place = document.getElementById("notice");
    if (place === null) return;
    place.textContent = text;
    clearTimeout(say.timer);
    say.timer = setTimeout(() => { place.textContent = ""; }, 8000);
  };

  const AWAY = "The service cannot be reached. What you wrote is still here: send it again, nothing is done twice.";
  const isOurs = (answer) => (answer.getResponseHeader("Content-Security-Policy") || "").startsWith("default-src 'none'");

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

  // The entries of the page's lists: each by its first link.
  const entries = () =>
    [...document.querySelectorAll("main ol > li, main .entries > li, main tbody > tr")]
      .map((each) => each.querySelector("a[href]"))
      .filter((link, place, all) => link !== null && all.indexOf(link) === place && link.checkVisibility());

  const walk = (down) => {
    const links = entries();
    const here = links.findIndex((link) => link.closest("li, tr").contains(document.activeElement));
    const there = here < 0 ? (down ? 0 : links.length - 1) : here + (down ? 1 : -1);
    if (links[there] === undefined) return;
    links[there].focus({ focusVisible: true });
    links[there].scrollIntoView({ block: "nearest" });
  };

  const closeMenu = (place) => {
    const menu = place.closest?.("details.menu[open], details.say[open]");
    if (!menu) return;
    menu.open = false;
    menu.querySelector("summary").focus();
  };

  // Whoever dictates, or touches keys unawares, can switch off the keys that need no other key beside them.
  let singleKeys = kept("single-keys") !== "off";

  const onChange = (event) => {
    if (!event.target.hasAttribute("data-single-keys")) return;
    singleKeys = event.target.checked;
    keep("single-keys", singleKeys ? "on" : "off");
  };

  // An address holds so much: of a longer paste its beginning and its end, where what failed stands.
  const onInput = (event) => {
    const field = event.target, most = Number(field.dataset.most);
    if (!most || field.value.length <= most) return;
    const half = Math.floor((most - 3) / 2);
    field.value = `${field.value.slice(0, half)} … ${field.value.slice(-half)}`;
    say("Your text is long: its beginning and its end are looked for. Ask takes all of it.");
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
    if (event.key === "Escape") return closeMenu(place);
    if (!singleKeys || document.querySelector("dialog[open]")) return;
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
    else if (event.key === "j" || event.key === "k") walk(event.key === "j");
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
    for (const each of document.querySelectorAll("[data-single-keys]")) each.checked = singleKeys;
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
  document.addEventListener("htmx:sendError", () => say(AWAY));
  document.addEventListener("htmx:timeout", () => say(AWAY));
  document.addEventListener("htmx:beforeSwap", (event) => {
    if (isOurs(event.detail.xhr)) return; // an error of the service's own is a note in its place
    event.detail.shouldSwap = false; // what a proxy says in its place is no part of the page
    say(AWAY);
  });
  document.addEventListener("keydown", onKey);
  document.addEventListener("click", onClick);
  document.addEventListener("change", onChange);
  document.addEventListener("input", onInput);
  document.addEventListener("submit", onSubmit);
  window.addEventListener("pageshow", onShow);
})();
