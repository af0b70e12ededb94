/**
 * One view for each element that Streamlit mounts a component in. It calls the component anew for every message; where
 * a message comes before the call for the one before has returned, it takes that call's view down when it returns,
 * which by then is also the newer call's. So only the newest call may.
 *
 * @template {{close: () => void}} View
 * @param {(parent: HTMLElement) => View} make
 * @returns {(parent: HTMLElement) => [View, () => void]} gives the element's view, and what to return to Streamlit
 */
export function mounted(make) {
  /** @type {WeakMap<HTMLElement, {view: View, call: object | null}>} */
  const kept = new WeakMap();
  return (parent) => {
    const call = {};
    const entry = kept.get(parent) ?? { view: make(parent), call };
    entry.call = call;
    kept.set(parent, entry);
    const leave = () => {
      if (entry.call !== call) return;
      entry.call = null;
      kept.delete(parent);
      entry.view.close();
    };
    return [entry.view, leave];
  };
}
