// Thumbnails and plot points: what is under the pointer or in focus is told in the tooltip.
(() => {
  const tell = (item, x, y) => {
    const picture = item.querySelector(".ph");
    const { id, file, label, size, distance, margin } = item.dataset;
    const about = [label, size].filter(Boolean).join(" · ");
    const figures = "distance " + distance + (margin === "–" ? "" : " · margin " + margin);
    const own = [...picture.classList].find(name => /^p\d+$/.test(name)) || "";
    tip.show(own, id, [about, figures, file === id ? "" : file], x, y);
  };
  for (const list of document.querySelectorAll(".thumbs")) {
    const itemOf = event => event.target.closest("li");
    list.addEventListener("pointermove", event => {
      const item = itemOf(event);
      if (item) tell(item, event.clientX, event.clientY); else tip.hide();
    });
    list.addEventListener("pointerleave", () => tip.hide());
    list.addEventListener("focusin", event => {
      const item = itemOf(event);
      if (!item || !item.matches(":focus-visible")) return;
      requestAnimationFrame(() => {  // after the scroll that the focus may have caused
        if (document.activeElement !== item) return;
        const at = item.getBoundingClientRect();
        tell(item, at.left, at.bottom);
      });
    });
    list.addEventListener("focusout", () => tip.hide());
    // One tab stop a row; arrows go along it.
    list.addEventListener("keydown", event => {
      const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
      const items = [...list.children];
      const next = items[items.indexOf(document.activeElement) + (step || 0)];
      if (!step || !next) return;
      event.preventDefault();
      document.activeElement.tabIndex = -1;
      next.tabIndex = 0;
      next.focus();
    });
  }
  // Native titles of plots work without a script; with one they become the page's tooltip.
  for (const mark of document.querySelectorAll(".plot .dot")) {
    const title = mark.querySelector("title");
    const text = title.textContent;
    mark.setAttribute("aria-label", text);
    title.remove();
    mark.addEventListener("pointermove", event => tip.show("", "", [text], event.clientX, event.clientY));
    mark.addEventListener("pointerleave", () => tip.hide());
  }
})();
