/* Whatever can be worked or seen as a picture and has no name for a screen reader. */
() => {
  const named = (node) =>
    node.getAttribute("aria-label") || node.getAttribute("aria-labelledby") || node.title || node.textContent.trim() ||
    [...(node.labels ?? [])].some((label) => label.textContent.trim());
  return [...document.querySelectorAll("button, input, select, textarea, summary, a, [role=img], [tabindex='0']")]
    .filter((node) => node.checkVisibility() && !node.closest("[aria-hidden=true]") && !named(node))
    .map((node) => node.outerHTML.slice(0, 120));
}
