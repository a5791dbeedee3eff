"use strict";
// Sorting and filtering of the members' tables. Without scripts the tables are whole and in order.
for (const box of document.querySelectorAll("[data-table]")) {
  const table = box.querySelector("table");
  const body = table.tBodies[0];
  const rows = [...body.rows];
  const valueOf = (row, column, kind) => {
    const cell = row.cells[column];
    const value = cell.dataset.value ?? cell.textContent.trim();
    return kind === "number" ? Number(value) : value;
  };
  const compare = (a, b) => (a < b ? -1 : a > b ? 1 : 0);

  for (const header of table.tHead.rows[0].cells) {
    const kind = header.dataset.sort;
    if (!kind) continue;
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = header.textContent;
    // Chromium leaves buttons out of a header that is repeated on a printed page
    const printed = document.createElement("span");
    printed.className = "printed";
    printed.textContent = header.textContent;
    header.replaceChildren(button, printed);
    button.addEventListener("click", () => {
      const upward = header.getAttribute("aria-sort") !== "ascending";
      for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
      header.setAttribute("aria-sort", upward ? "ascending" : "descending");
      const column = header.cellIndex;
      const sorted = [...rows].sort((a, b) => {
        const order = compare(valueOf(a, column, kind), valueOf(b, column, kind));
        return upward ? order : -order;
      });
      body.append(...sorted);
    });
  }

  if (rows.length < 5) continue;
  const tools = box.querySelector(".tools");
  const input = tools.querySelector("input");
  const output = tools.querySelector("output");
  tools.hidden = false;
  input.addEventListener("input", () => {
    const wanted = input.value.trim().toLowerCase();
    let shown = 0;
    for (const row of rows) {
      row.hidden = !row.textContent.toLowerCase().includes(wanted);
      if (!row.hidden) shown += 1;
    }
    output.textContent = wanted ? `${shown} of ${rows.length} rows` : "";
  });
}
