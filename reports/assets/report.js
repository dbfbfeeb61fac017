// Comforts only: everything that a reader must know is there without this script.
"use strict";
(() => {
  const button = (text, press) => {
    const made = document.createElement("button");
    made.type = "button";
    made.textContent = text;
    made.addEventListener("click", () => press(made));
    return made;
  };

  for (const box of document.querySelectorAll("[data-copy]")) {
    const text = [...box.querySelectorAll("pre")].map((part) => part.textContent).join("\n");
    const copy = button("Copy", async (made) => {
      try {
        await navigator.clipboard.writeText(text);
        made.textContent = "Copied";
      } catch {
        getSelection().selectAllChildren(box.querySelector("pre"));
        made.textContent = "Selected";
      }
    });
    copy.className = "copy";
    box.append(copy);
  }

  for (const place of document.querySelectorAll("[data-filter]")) {
    const rows = [...document.getElementById(place.dataset.filter).tBodies[0].rows];
    const amounts = new Map([["all", rows.length]]);
    for (const row of rows) {
      const status = row.dataset.status;
      amounts.set(status, (amounts.get(status) || 0) + 1);
    }
    if (amounts.size < 3) continue;
    place.className = "filter";
    place.setAttribute("role", "group");
    place.setAttribute("aria-label", "Show checks by status");
    for (const [status, amount] of amounts) {
      const choice = button(`${status.replace("_", " ")} ${amount}`, (made) => {
        for (const row of rows) {
          row.hidden = status !== "all" && row.dataset.status !== status;
        }
        for (const other of place.children) {
          other.setAttribute("aria-pressed", String(other === made));
        }
      });
      choice.setAttribute("aria-pressed", String(status === "all"));
      place.append(choice);
    }
  }

  // A link to something folded away unfolds it; a filtered row is shown again.
  const reveal = () => {
    const goal = location.hash.length > 1 && document.getElementById(location.hash.slice(1));
    if (!goal) return;
    goal.hidden = false;
    for (let at = goal; at; at = at.parentElement) {
      if (at.tagName === "DETAILS") at.open = true;
    }
    goal.scrollIntoView();
  };
  addEventListener("hashchange", reveal);
  reveal();
})();
