// What every page does better with JavaScript: keys, the theme, a question before what cannot be taken back.

const root = document.documentElement;
const typing = (target) => target instanceof Element && target.closest("input, textarea, select, [contenteditable]");

// light and dark: kept in a cookie, so that the server writes the page right from the start
const theme = document.getElementById("theme");
if (theme) {
  const dark = () => (root.dataset.theme || (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light")) === "dark";
  const tell = () => { theme.textContent = dark() ? "☀" : "☾"; };
  theme.hidden = false;
  tell();
  theme.addEventListener("click", () => {
    root.dataset.theme = dark() ? "light" : "dark";
    document.cookie = `daybook_theme=${root.dataset.theme}; path=/; max-age=31536000; samesite=lax`;
    tell();
  });
}

for (const form of document.querySelectorAll("form[data-ask]")) {
  form.addEventListener("submit", (event) => { if (!confirm(form.dataset.ask)) event.preventDefault(); });
}

// `/` search, `j` and `k` along the rows, Enter opens one, `g` and a letter goes to a page
let going = 0;
const rows = () => [...document.querySelectorAll("main table tbody tr")].filter((row) => row.querySelector("a[href]"));
const step = (by) => {
  const all = rows();
  if (!all.length) return;
  const now = all.findIndex((row) => row.contains(document.activeElement));
  const next = all[Math.min(Math.max(now + by, 0), all.length - 1)];
  next.querySelector("a[href]").focus();
  next.scrollIntoView({ block: "nearest" });
};
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (typing(event.target)) {
    if (event.key === "Escape") event.target.blur();
    return;
  }
  const link = Date.now() - going < 1500 ? document.querySelector(`.menu a[data-go="${CSS.escape(event.key)}"]`) : null;
  going = event.key === "g" ? Date.now() : 0;
  if (link) link.click();
  else if (event.key === "/") document.getElementById("find")?.focus();
  else if (event.key === "j") step(1);
  else if (event.key === "k") step(-1);
  else return;
  event.preventDefault();
});
