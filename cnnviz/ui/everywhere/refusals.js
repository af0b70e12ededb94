/** Why the server refused a file, where Streamlit says a number alone. The bounds are those of uploads.py. */
addEventListener("animationstart", ({ animationName, target }) => {
  if (animationName !== "refused" || !target.textContent.includes("status code 413")) return; // see site.css
  target.textContent = "No room: files brought before take all of it. Take them out of the list, or load the page anew.";
});
