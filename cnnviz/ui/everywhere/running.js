/** Streamlit's own word for what the server does. */
export const app = () => document.querySelector("[data-test-script-state]");

/** Whether a script runs, or is about to. */
export const runs = () => ["running", "rerunRequested"].includes(app()?.getAttribute("data-test-script-state"));
