"use strict";
// One tooltip for the page. All text goes through textContent: nothing of it is ever markup.
const tip = (() => {
  const box = document.getElementById("tip");
  const line = (tag, css, text) => {
    const part = document.createElement(tag);
    part.className = css;
    part.textContent = text;
    return part;
  };
  return {
    // pictureClass: "p12" or ""; title and lines: text; x, y: the place it points to.
    show(pictureClass, title, lines, x, y) {
      const parts = [];
      if (pictureClass) parts.push(line("span", "ph " + pictureClass, ""));
      if (title) parts.push(line("b", "", title));
      for (const text of lines) if (text) parts.push(line("span", "line", text));
      box.replaceChildren(...parts);
      box.hidden = false;
      const room = 10, width = box.offsetWidth, height = box.offsetHeight;
      const left = x + 16 + width + room > innerWidth ? x - 16 - width : x + 16;
      const top = y + 16 + height + room > innerHeight ? y - 16 - height : y + 16;
      box.style.left = Math.max(room, Math.min(left, innerWidth - width - room)) + "px";
      box.style.top = Math.max(room, top) + "px";
    },
    hide() { box.hidden = true; },
  };
})();
addEventListener("keydown", event => { if (event.key === "Escape") tip.hide(); });
addEventListener("scroll", () => tip.hide(), { passive: true });
