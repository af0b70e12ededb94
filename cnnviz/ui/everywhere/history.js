/**
 * One history entry for any number of tweaks. Streamlit pushes an entry for every value that the server
 * sets and replaces it for every value that a widget sets; here the first tweak of an entry pushes one,
 * marked, and all that follow replace it. So Back shows the page as it was opened, Forward as it was left.
 *
 * Streamlit may lose a setting from the address: a widget that it mounts anew may no longer write there, and what the
 * server says of an older tweak replaces the address whole. So once nothing runs, it is made to say what the page shows.
 */
const REST = 250; // ms
const WHOLE = /([?&][^=&#]+=-?\d+)\.0(?=[&#]|$)/g; // a whole number, as Streamlit's box of numbers writes it: 112.0
const push = history.pushState.bind(history);
const replace = history.replaceState.bind(history);
let shown = null; // by name, the texts of the settings that the page shows; null: it is on its way to others
let timer;
let path = location.pathname; // of the page that is shown
let touched = false; // by a hand, since this entry was opened: what the page itself corrects is no tweak

for (const event of ["pointerdown", "keydown", "wheel", "paste", "drop"]) {
  addEventListener(event, () => (touched = true), { capture: true, passive: true });
}
let leaving = false; // by a link to another page, whose settings Streamlit would write into the entry that is left
addEventListener(
  "click",
  ({ target, ctrlKey, metaKey, shiftKey }) => {
    const isLink = target instanceof Element && target.closest('a[data-testid="stPageLink-NavLink"]') !== null;
    leaving = isLink && !(ctrlKey || metaKey || shiftKey);
  },
  { capture: true },
);
addEventListener(
  "popstate",
  () => {
    [touched, shown] = [false, null];
    // Back to another page: of its settings Streamlit drops those that this page has too, so it is opened anew.
    if (location.pathname !== path && location.search) location.reload();
    path = location.pathname;
  },
  { capture: true },
);

function write(original, state, title, given) {
  const target = new URL(given ?? location.href, location.href);
  const url = (target.href = target.href.replace(WHOLE, "$1"));
  if (target.pathname !== location.pathname) {
    [touched, shown, path, leaving] = [false, null, target.pathname, false];
    document.querySelector('[data-testid="stMain"]')?.scrollTo(0, 0); // another page is read from its beginning
    return original(state, title, url);
  }
  if (original === replace) shown = null; // a widget's value: a word of the server's will follow
  if (target.search === location.search || leaving) return;
  if (!touched || history.state?.tweaked) return replace({ ...history.state, ...state }, title, url);
  push({ ...state, tweaked: true }, title, url);
}

history.pushState = (state, title, url) => {
  // Streamlit empties the address before it goes to another page, or gives it the settings that a link takes there: this
  // entry keeps what was seen. Should the settings really be all at their defaults, the address is mended.
  const target = new URL(url ?? location.href, location.href);
  if (target.search || target.pathname !== location.pathname) write(push, state, title, url);
  mendLater();
};
history.replaceState = (state, title, url) => write(replace, state, title, url);

/** Say what the page shows. @param {Record<string, string | null>} texts of its settings, by name; null: its default */
export function keep(texts) {
  shown = texts;
  mendLater();
}

function mendLater() {
  clearTimeout(timer);
  timer = setTimeout(() => {
    if (!shown || !touched) return;
    if (!document.querySelector('[data-test-script-state="notRunning"]')) return mendLater();
    const url = new URL(location.href);
    for (const [name, text] of Object.entries(shown)) {
      const said = url.searchParams.get(name);
      // A setting without a widget on the page is Streamlit's to keep, but not where it was set back. 0.50 is 0.5.
      if (said === text || (text !== null && !document.querySelector(`.st-key-${name}`))) continue;
      if (text === null) url.searchParams.delete(name);
      else if (said === null || Number(said) !== Number(text)) url.searchParams.set(name, text);
    }
    if (url.search !== location.search) write(push, history.state, "", url);
  }, REST);
}

/** Take texts out of the address, as if they had never been there. @param {Record<string, string>} texts by name */
export function forget(texts) {
  const url = new URL(location.href);
  const names = Object.keys(texts).filter((name) => url.searchParams.get(name) === texts[name]);
  for (const name of names) url.searchParams.delete(name);
  if (names.length > 0) replace(history.state, "", url);
}
