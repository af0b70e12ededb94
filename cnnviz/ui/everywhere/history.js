/**
 * One history entry for any number of tweaks. Streamlit pushes an entry for every value that the server
 * sets and replaces it for every value that a widget sets; here the first tweak of an entry pushes one,
 * marked, and all that follow replace it. So Back shows the page as it was opened, Forward as it was left.
 */
const push = history.pushState.bind(history);
const replace = history.replaceState.bind(history);
let touched = false; // by a hand, since this entry was opened: what the page itself corrects is no tweak

for (const event of ["pointerdown", "keydown", "wheel", "paste", "drop"]) {
  addEventListener(event, () => (touched = true), { capture: true, passive: true });
}
addEventListener("popstate", () => (touched = false), { capture: true });

function write(original, state, title, url) {
  const target = new URL(url ?? location.href, location.href);
  if (target.pathname !== location.pathname) {
    touched = false;
    return original(state, title, url);
  }
  if (target.search === location.search) return;
  if (!touched || history.state?.tweaked) return replace({ ...history.state, ...state }, title, url);
  push({ ...state, tweaked: true }, title, url);
}

history.pushState = (state, title, url) => write(push, state, title, url);
history.replaceState = (state, title, url) => write(replace, state, title, url);

/** Take texts out of the address, as if they had never been there. @param {Record<string, string>} texts by name */
export function forget(texts) {
  const url = new URL(location.href);
  const names = Object.keys(texts).filter((name) => url.searchParams.get(name) === texts[name]);
  for (const name of names) url.searchParams.delete(name);
  if (names.length > 0) replace(history.state, "", url);
}
