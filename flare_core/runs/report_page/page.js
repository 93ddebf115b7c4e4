"use strict";
(() => {
  const table = document.getElementById("table");
  if (!table) return;
  const body = table.tBodies[0], rows = [...body.rows], viewer = document.getElementById("viewer");
  const value = (row, column) => row.cells[column].textContent.trim();

  const sort = (button) => {
    const head = button.closest("th"), column = Number(button.dataset.column);
    const up = head.getAttribute("aria-sort") !== "ascending";
    table.querySelectorAll("th[aria-sort]").forEach((one) => one.setAttribute("aria-sort", "none"));
    head.setAttribute("aria-sort", up ? "ascending" : "descending");
    const keyed = rows.map((row) => [value(row, column), row]);
    const known = ([text]) => text !== "–";
    const compare = ([a], [b]) => {
      const difference = Number(a) - Number(b);
      return Number.isNaN(difference) ? a.localeCompare(b) : difference;
    };
    keyed.sort((a, b) => (known(a) && known(b) ? (up ? compare(a, b) : compare(b, a)) : known(b) - known(a)));
    body.append(...keyed.map(([, row]) => row));
  };
  table.querySelectorAll("thead button").forEach((button) => button.addEventListener("click", () => sort(button)));

  const kind = document.getElementById("kind"), words = document.getElementById("words"), pictured = document.getElementById("pictured");
  const filter = () => {
    const wanted = words.value.trim().toLowerCase();
    let count = 0;
    for (const row of rows) {
      const fits = (!kind.value || row.dataset.kind === kind.value) && (!pictured?.checked || row.dataset.shot !== undefined) &&
        value(row, 2).toLowerCase().includes(wanted);
      row.hidden = !fits;
      count += fits;
    }
    document.getElementById("shown").textContent = `${count} of ${rows.length} episodes`;
  };
  document.getElementById("filters").addEventListener("input", filter);
  document.getElementById("filters").addEventListener("submit", (event) => event.preventDefault());

  let opened = null;
  const show = (row) => {
    opened = row;
    const shot = document.querySelector(`article.shot[data-number="${row.dataset.shot}"]`);
    document.getElementById("stage").replaceChildren(shot.cloneNode(true));
    if (!viewer.open) viewer.showModal();
  };
  const step = (by) => {
    const there = [...body.rows].filter((row) => row.dataset.shot !== undefined && (!row.hidden || row === opened));
    show(there[(there.indexOf(opened) + by + there.length) % there.length]);
  };
  body.addEventListener("click", (event) => {
    const row = event.target.closest("tr");
    if (row && row.dataset.shot !== undefined) show(row);
  });
  document.getElementById("previous").addEventListener("click", () => step(-1));
  document.getElementById("next").addEventListener("click", () => step(1));
  document.getElementById("close").addEventListener("click", () => viewer.close());
  viewer.addEventListener("click", (event) => { if (event.target === viewer) viewer.close(); });
  viewer.addEventListener("keydown", (event) => {
    if (event.key === "ArrowLeft") step(-1);
    if (event.key === "ArrowRight") step(1);
  });
  viewer.addEventListener("close", () => opened?.querySelector("button.open")?.focus());
})();
